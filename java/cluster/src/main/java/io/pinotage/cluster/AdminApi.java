package io.pinotage.cluster;

import io.pinotage.cluster.AdminServer.Refusal;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import org.apache.pinot.common.restlet.resources.SegmentServerDebugInfo;
import org.apache.pinot.common.restlet.resources.SegmentSizeInfo;
import org.apache.pinot.common.restlet.resources.TableSegmentValidationInfo;
import org.apache.pinot.common.restlet.resources.TableSegments;
import org.apache.pinot.common.restlet.resources.TableSizeInfo;
import org.apache.pinot.common.restlet.resources.TablesList;
import org.apache.pinot.common.utils.TarCompressionUtils;
import org.apache.pinot.segment.local.data.manager.SegmentDataManager;
import org.apache.pinot.segment.local.data.manager.TableDataManager;
import org.apache.pinot.segment.spi.ImmutableSegment;
import org.apache.pinot.server.access.AccessControl;
import org.apache.pinot.server.access.GrpcRequesterIdentity;
import org.apache.pinot.spi.utils.JsonUtils;
import org.joda.time.Interval;

/**
 * What a server says about its tables: the part of Pinot's admin REST that controllers, peers and connectors use. The
 * endpoints are ours, the data are the engine's own objects, the JSON is Pinot's own classes. Table names carry their type.
 */
final class AdminApi {
  private final Tables tables;
  private final AccessControl access;
  private final ValidDocIds validDocIds;

  AdminApi(String instance, Tables tables, AccessControl access) {
    this.tables = tables;
    this.access = access;
    this.validDocIds = new ValidDocIds(instance);
  }

  /** An object to be sent as JSON, a text, or a file to be sent and removed. */
  Object answer(String method, URI uri, String authorization, InputStream body) throws Exception {
    String[] path = uri.getPath().substring(1).split("/");
    Map<String, List<String>> query = query(uri.getRawQuery());
    String route = method + " " + path[0] + " " + path.length + (path.length > 2 ? " " + path[path.length - 1] : "");
    if (path[0].equals("health") && method.equals("GET")) {
      return "OK";
    }
    if (route.equals("GET tables 1")) {
      return new TablesList(List.copyOf(tables.getAllTables()));
    }
    TableDataManager table = path.length > 1 ? table(path[path[0].equals("debug") ? path.length - 1 : 1]) : null;
    if (path[0].equals("segments")) {
      check(authorization, path[1]);
    }
    switch (route) {
      case "GET tables 3 segments":
        return new TableSegments(each(table, SegmentDataManager::getSegmentName));
      case "GET tables 3 size":
      case "GET table 3 size": // The form that controllers use.
        return size(table);
      case "GET tables 4 crc":
        Map<String, String> crcs = new TreeMap<>();
        each(table, s -> crcs.put(s.getSegmentName(), s.getSegment().getSegmentMetadata().getCrc()));
        return crcs;
      case "GET tables 3 allSegmentsLoaded":
        return loaded(table);
      case "POST tables 3 validDocIdsMetadata":
        return each(table, chosen(body), s -> validDocIds.metadata(s.getSegment(), query));
      default:
    }
    if (route.equals("GET debug 3 " + path[path.length - 1])) {
      return errors(table);
    }
    if (route.equals("GET tables 5 metadata")) {
      List<String> columns = query.getOrDefault("columns", List.of());
      return with(table, path[3], s -> s.getSegment().getSegmentMetadata()
          .toJson(columns.contains("*") ? null : new HashSet<>(columns)));
    }
    if (route.equals("GET segments 4 validDocIdsBitmap")) {
      return with(table, path[2], s -> validDocIds.bitmap(s.getSegment(), query));
    }
    if (route.startsWith("GET segments 3 ")) {
      return with(table, path[2], s -> archive(s));
    }
    throw new Refusal(404, "this test server has no " + method + " " + uri.getPath());
  }

  private TableDataManager table(String name) {
    TableDataManager table = tables.getTableDataManager(name);
    if (table == null) {
      throw new Refusal(404, "Failed to find table: " + name);
    }
    return table;
  }

  /** As in Pinot, only what gives rows away is guarded. */
  private void check(String authorization, String table) {
    Map<String, String> headers = authorization == null ? Map.of() : Map.of("authorization", authorization);
    if (!access.hasDataAccess(new GrpcRequesterIdentity(headers), table)) {
      throw new Refusal(403, "No data access to table: " + table);
    }
  }

  private static TableSizeInfo size(TableDataManager table) {
    List<SegmentSizeInfo> sizes = each(table, s -> new SegmentSizeInfo(s.getSegmentName(), bytes(s)));
    return new TableSizeInfo(table.getTableName(), sizes.stream().mapToLong(SegmentSizeInfo::getDiskSizeInBytes).sum(),
        sizes);
  }

  private static long bytes(SegmentDataManager segment) {
    return segment.getSegment() instanceof ImmutableSegment immutable ? immutable.getSegmentSizeBytes() : 0;
  }

  /** What a controller asks for before it keeps a time boundary; here all segments that are known are loaded. */
  private static TableSegmentValidationInfo loaded(TableDataManager table) {
    List<Interval> times = each(table, s -> s.getSegment().getSegmentMetadata().getTimeInterval());
    long end = times.stream().filter(Objects::nonNull).mapToLong(Interval::getEndMillis).max().orElse(-1);
    return new TableSegmentValidationInfo(true, null, end);
  }

  /** Why segments are in ERROR. */
  private static List<SegmentServerDebugInfo> errors(TableDataManager table) {
    List<SegmentServerDebugInfo> errors = new ArrayList<>();
    table.getSegmentErrors().forEach((name, e) -> errors.add(new SegmentServerDebugInfo(name, null, null, e)));
    return errors;
  }

  /** Peer download: the folder as it is now, packed. */
  private File archive(SegmentDataManager segment) {
    String name = segment.getSegmentName();
    File folder = segment.getSegment().getSegmentMetadata().getIndexDir();
    if (folder == null) {
      throw new Refusal(400, name + " is still consuming");
    }
    File archive = new File(tables.getSegmentFileDirectory(), name + "_" + UUID.randomUUID() + ".tar.gz");
    try {
      TarCompressionUtils.createCompressedTarFile(folder, archive);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return archive;
  }

  private static <T> T with(TableDataManager table, String name, Function<SegmentDataManager, T> function) {
    SegmentDataManager segment = table.acquireSegment(name);
    if (segment == null) {
      throw new Refusal(404, table.getTableName() + " has no segment " + name + " here");
    }
    try {
      return function.apply(segment);
    } finally {
      table.releaseSegment(segment);
    }
  }

  private static <T> List<T> each(TableDataManager table, Function<SegmentDataManager, T> function) {
    return each(table, Set.of(), function);
  }

  /** Of the named segments, or of all if none is named. */
  private static <T> List<T> each(TableDataManager table, Set<String> names, Function<SegmentDataManager, T> function) {
    List<SegmentDataManager> segments = table.acquireAllSegments();
    try {
      List<T> results = new ArrayList<>();
      for (SegmentDataManager segment : segments) {
        if (names.isEmpty() || names.contains(segment.getSegmentName())) {
          results.add(function.apply(segment));
        }
      }
      return results;
    } finally {
      segments.forEach(table::releaseSegment);
    }
  }

  private static Set<String> chosen(InputStream body) throws IOException {
    byte[] text = body.readAllBytes();
    if (text.length == 0) {
      return Set.of();
    }
    return Set.copyOf(JsonUtils.bytesToObject(text, TableSegments.class).getSegments());
  }

  private static Map<String, List<String>> query(String raw) {
    Map<String, List<String>> query = new HashMap<>();
    for (String part : raw == null ? new String[0] : raw.split("&")) {
      String[] pair = part.split("=", 2);
      String value = pair.length < 2 ? "" : URLDecoder.decode(pair[1], StandardCharsets.UTF_8);
      query.computeIfAbsent(pair[0], key -> new ArrayList<>()).add(value);
    }
    return query;
  }
}
