package io.pinotage.cluster;

import java.io.File;
import java.util.Map;
import org.apache.pinot.spi.config.instance.InstanceDataManagerConfig;
import org.apache.pinot.spi.env.PinotConfiguration;
import org.apache.pinot.spi.utils.ReadMode;

/** A server's settings, with the defaults of Pinot where they are not small on purpose. */
record ServerConfig(String instance, File folder) implements InstanceDataManagerConfig {
  private static PinotConfiguration empty() {
    return new PinotConfiguration(Map.of(), Map.of());
  }

  @Override
  public PinotConfiguration getConfig() {
    return empty();
  }

  @Override
  public String getInstanceId() {
    return instance;
  }

  @Override
  public String getInstanceDataDir() {
    return new File(folder, "index").getPath();
  }

  @Override
  public String getConsumerDir() {
    return new File(folder, "consumers").getPath();
  }

  @Override
  public String getInstanceSegmentTarDir() {
    return new File(folder, "tar").getPath();
  }

  @Override
  public String getTableDataManagerProviderClass() {
    return null;
  }

  @Override
  public String getSegmentStoreUri() {
    return null;
  }

  @Override
  public String getConsumerClientIdSuffix() {
    return null;
  }

  @Override
  public ReadMode getReadMode() {
    return ReadMode.mmap;
  }

  @Override
  public String getSegmentFormatVersion() {
    return null;
  }

  @Override
  public String getAvgMultiValueCount() {
    return null;
  }

  @Override
  public boolean isRealtimeOffHeapAllocation() {
    return true;
  }

  @Override
  public boolean isDirectRealtimeOffHeapAllocation() {
    return false;
  }

  @Override
  public boolean shouldReloadConsumingSegment() {
    return true;
  }

  @Override
  public int getMaxParallelRefreshThreads() {
    return 1;
  }

  @Override
  public boolean isAsyncSegmentRefreshEnabled() {
    return false;
  }

  @Override
  public int getMaxSegmentPreloadThreads() {
    return 0;
  }

  @Override
  public int getMaxParallelSegmentBuilds() {
    return 1;
  }

  @Override
  public int getMaxParallelSegmentDownloads() {
    return -1;
  }

  @Override
  public String getSegmentDirectoryLoader() {
    return "default";
  }

  @Override
  public long getErrorCacheSize() {
    return 100;
  }

  @Override
  public boolean isStreamSegmentDownloadUntar() {
    return false;
  }

  @Override
  public long getStreamSegmentDownloadUntarRateLimit() {
    return -1;
  }

  @Override
  public int getDeletedTablesCacheTtlMinutes() {
    return 60;
  }

  @Override
  public int getDeletedSegmentsCacheSize() {
    return 10_000;
  }

  @Override
  public int getDeletedSegmentsCacheTtlMinutes() {
    return 2;
  }

  @Override
  public String getSegmentPeerDownloadScheme() {
    return null;
  }

  @Override
  public PinotConfiguration getUpsertConfig() {
    return empty();
  }

  @Override
  public PinotConfiguration getDedupConfig() {
    return empty();
  }

  @Override
  public PinotConfiguration getAuthConfig() {
    return null;
  }

  @Override
  public Map<String, Map<String, String>> getTierConfigs() {
    return Map.of();
  }

  @Override
  public boolean isUploadSegmentToDeepStore() {
    return false;
  }

  @Override
  public boolean shouldCheckCRCOnSegmentLoad() {
    return true;
  }

  @Override
  public boolean isDimensionTablePreloadDisabled() {
    return false;
  }
}
