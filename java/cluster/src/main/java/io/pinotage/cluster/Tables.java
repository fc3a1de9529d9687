package io.pinotage.cluster;

import com.google.common.cache.Cache;
import com.google.common.cache.CacheBuilder;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import org.apache.commons.io.FileUtils;
import org.apache.commons.lang3.tuple.Pair;
import org.apache.helix.HelixManager;
import org.apache.helix.store.zk.ZkHelixPropertyStore;
import org.apache.helix.zookeeper.datamodel.ZNRecord;
import org.apache.pinot.common.metadata.ZKMetadataProvider;
import org.apache.pinot.common.metrics.ServerMetrics;
import org.apache.pinot.common.restlet.resources.SegmentErrorInfo;
import org.apache.pinot.core.data.manager.InstanceDataManager;
import org.apache.pinot.core.data.manager.LogicalTableContext;
import org.apache.pinot.core.data.manager.provider.DefaultTableDataManagerProvider;
import org.apache.pinot.core.data.manager.realtime.RealtimeSegmentDataManager;
import org.apache.pinot.core.data.manager.realtime.SegmentUploader;
import org.apache.pinot.segment.local.data.manager.SegmentDataManager;
import org.apache.pinot.segment.local.data.manager.TableDataManager;
import org.apache.pinot.segment.local.utils.SegmentLocks;
import org.apache.pinot.segment.local.utils.SegmentOperationsThrottlerSet;
import org.apache.pinot.segment.local.utils.SegmentReloadSemaphore;
import org.apache.pinot.segment.local.utils.ServerReloadJobStatusCache;
import org.apache.pinot.segment.spi.SegmentMetadata;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.env.PinotConfiguration;

/**
 * The tables of one server: each is Pinot's own table data manager, made from the table config and schema in ZooKeeper when
 * the first segment arrives. It downloads, checks, loads, refreshes and reloads.
 */
final class Tables implements InstanceDataManager {
  private final Map<String, TableDataManager> tables = new ConcurrentHashMap<>();
  private final DefaultTableDataManagerProvider provider = new DefaultTableDataManagerProvider();
  private final SegmentLocks locks = new SegmentLocks();
  private final Cache<Pair<String, String>, SegmentErrorInfo> errors;
  private final ExecutorService reloads;
  private final ServerReloadJobStatusCache reloadJobs;
  private final ServerConfig config;
  private final HelixManager helix;

  Tables(ServerConfig config, HelixManager helix) {
    this.config = config;
    this.helix = helix;
    this.errors = CacheBuilder.newBuilder().maximumSize(config.getErrorCacheSize()).build();
    this.reloads = Executors.newFixedThreadPool(config.getMaxParallelRefreshThreads());
    this.reloadJobs = new ServerReloadJobStatusCache(config.getInstanceId());
    provider.init(config, helix, locks, null, reloadJobs);
  }

  @Override
  public void init(PinotConfiguration ignored, HelixManager manager, ServerMetrics metrics,
      SegmentOperationsThrottlerSet throttlers, ServerReloadJobStatusCache cache) {
    throw new UnsupportedOperationException("the constructor has done it");
  }

  @Override
  public void start() {
    new File(getInstanceDataDir()).mkdirs();
    new File(getSegmentFileDirectory()).mkdirs();
  }

  @Override
  public void shutDown() {
    tables.values().forEach(TableDataManager::shutDown);
  }

  private TableDataManager table(String name) {
    return tables.computeIfAbsent(name, this::make);
  }

  private TableDataManager make(String name) {
    TableConfig table = ZKMetadataProvider.getTableConfig(getPropertyStore(), name);
    Schema schema = ZKMetadataProvider.getTableSchema(getPropertyStore(), name);
    if (table == null || schema == null) {
      throw new IllegalStateException(name + " has no table config or no schema in ZooKeeper");
    }
    TableDataManager manager = provider.getTableDataManager(table, schema,
        new SegmentReloadSemaphore(config.getMaxParallelRefreshThreads()), reloads, null, errors, () -> true,
        config.isAsyncSegmentRefreshEnabled(), reloadJobs);
    manager.start();
    return manager;
  }

  @Override
  public void addOnlineSegment(String table, String segment) throws Exception {
    table(table).addOnlineSegment(segment);
  }

  @Override
  public void addConsumingSegment(String table, String segment) throws Exception {
    table(table).addConsumingSegment(segment);
  }

  @Override
  public void replaceSegment(String table, String segment) throws Exception {
    TableDataManager manager = getTableDataManager(table);
    if (manager != null) {
      manager.replaceSegment(segment);
    }
  }

  @Override
  public void offloadSegment(String table, String segment) throws Exception {
    TableDataManager manager = getTableDataManager(table);
    if (manager != null) {
      manager.offloadSegment(segment);
    }
  }

  /** The table's manager may be gone already: the files are found by name. */
  @Override
  public void deleteSegment(String table, String segment) {
    locks.getLock(table, segment).lock();
    try {
      FileUtils.deleteQuietly(getSegmentDataDirectory(table, segment));
    } finally {
      locks.getLock(table, segment).unlock();
    }
  }

  @Override
  public void deleteTable(String table, long deletionTimeMs) {
    TableDataManager manager = tables.remove(table);
    if (manager != null) {
      manager.setDeleted(true);
      manager.shutDown();
    }
  }

  @Override
  public void reloadSegment(String table, String segment, boolean forceDownload, String job) throws Exception {
    table(table).reloadSegment(segment, forceDownload, job);
  }

  @Override
  public void reloadSegments(String table, List<String> segments, boolean forceDownload, String job) throws Exception {
    table(table).reloadSegments(segments, forceDownload, job);
  }

  @Override
  public void reloadAllSegments(String table, boolean forceDownload, String job) throws Exception {
    table(table).reloadAllSegments(forceDownload, job);
  }

  @Override
  public void forceCommit(String table, Set<String> segments) {
    TableDataManager manager = table(table);
    for (SegmentDataManager segment : manager.acquireAllSegments()) {
      if (segment instanceof RealtimeSegmentDataManager consuming && segments.contains(segment.getSegmentName())) {
        consuming.forceCommit();
      }
      manager.releaseSegment(segment);
    }
  }

  @Override
  public TableDataManager getTableDataManager(String table) {
    return tables.get(table);
  }

  @Override
  public Set<String> getAllTables() {
    return Set.copyOf(tables.keySet());
  }

  @Override
  public SegmentMetadata getSegmentMetadata(String table, String segment) {
    return getAllSegmentsMetadata(table).stream().filter(each -> each.getName().equals(segment)).findAny().orElse(null);
  }

  @Override
  public List<SegmentMetadata> getAllSegmentsMetadata(String table) {
    List<SegmentMetadata> metadata = new ArrayList<>();
    TableDataManager manager = getTableDataManager(table);
    if (manager != null) {
      for (SegmentDataManager segment : manager.acquireAllSegments()) {
        metadata.add(segment.getSegment().getSegmentMetadata());
        manager.releaseSegment(segment);
      }
    }
    return metadata;
  }

  @Override
  public File getSegmentDataDirectory(String table, String segment) {
    return new File(new File(getInstanceDataDir(), table), segment);
  }

  @Override
  public String getSegmentFileDirectory() {
    return config.getInstanceSegmentTarDir();
  }

  @Override
  public String getInstanceDataDir() {
    return config.getInstanceDataDir();
  }

  @Override
  public String getInstanceId() {
    return config.getInstanceId();
  }

  @Override
  public ZkHelixPropertyStore<ZNRecord> getPropertyStore() {
    return helix.getHelixPropertyStore();
  }

  @Override
  public int getMaxParallelRefreshThreads() {
    return config.getMaxParallelRefreshThreads();
  }

  @Override
  public boolean isAsyncSegmentRefreshEnabled() {
    return config.isAsyncSegmentRefreshEnabled();
  }

  @Override
  public SegmentUploader getSegmentUploader() {
    return null;
  }

  @Override
  public void setSupplierOfIsServerReadyToServeQueries(BooleanSupplier ready) {
    // Always ready: the process says so only when everything answers.
  }

  @Override
  public List<File> getConsumerDirPaths() {
    return List.of();
  }

  @Override
  public LogicalTableContext getLogicalTableContext(String table) {
    return null;
  }
}
