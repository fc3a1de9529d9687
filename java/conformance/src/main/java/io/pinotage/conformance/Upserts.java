package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.common.metadata.segment.SegmentZKMetadata;
import org.apache.pinot.common.metrics.ServerMetrics;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentImpl;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.local.indexsegment.mutable.MutableSegmentImpl;
import org.apache.pinot.segment.local.io.writer.impl.DirectMemoryManager;
import org.apache.pinot.segment.local.realtime.impl.RealtimeSegmentConfig;
import org.apache.pinot.segment.local.realtime.impl.RealtimeSegmentStatsHistory;
import org.apache.pinot.segment.local.segment.creator.TransformPipeline;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.segment.local.segment.readers.GenericRowRecordReader;
import org.apache.pinot.segment.local.segment.readers.LazyRow;
import org.apache.pinot.segment.local.upsert.BasePartitionUpsertMetadataManager;
import org.apache.pinot.segment.local.upsert.ConcurrentMapPartitionUpsertMetadataManager;
import org.apache.pinot.segment.local.upsert.PartialUpsertHandler;
import org.apache.pinot.segment.local.upsert.UpsertContext;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.config.table.UpsertConfig;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.utils.JsonUtils;
import org.roaringbitmap.PeekableIntIterator;

/**
 * What Pinot's upserts make of rows: a file of JSON with {@code cases}, each with {@code id}, {@code schema}, {@code table}
 * and {@code rows}. With {@code "sealed": true} the rows are one segment that a server loads, otherwise a consuming segment
 * gets them one after the other. One line of JSON a case: the rows that count, in their order, deleted ones too, with
 * {@code $row} as their place in a sealed segment, and {@code refused}, the places of rows that it did not take.
 */
final class Upserts {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SEGMENT = "t__0__0__20231114T2213Z";

  private Upserts() {
  }

  static void run(File file, PrintStream out) throws Exception {
    File folder = Files.createTempDirectory("pinotage-upserts").toFile();
    try {
      int number = 0;
      for (JsonNode one : JSON.readTree(file).get("cases")) {
        ObjectNode answer = JSON.createObjectNode();
        answer.set("id", one.get("id"));
        Schema schema = Schema.fromString(one.get("schema").toString());
        TableConfig table = JsonUtils.jsonNodeToObject(one.get("table"), TableConfig.class);
        File own = new File(folder, Integer.toString(number++));
        BasePartitionUpsertMetadataManager manager = manager(table, schema, own);
        if (one.path("sealed").asBoolean()) {
          sealed(table, schema, one.get("rows"), manager, own, answer);
        } else {
          consumed(table, schema, one.get("rows"), manager, own, answer);
        }
        out.write((answer + "\n").getBytes(StandardCharsets.UTF_8));
      }
    } finally {
      FileUtils.deleteDirectory(folder);
    }
  }

  private static BasePartitionUpsertMetadataManager manager(TableConfig table, Schema schema, File folder) {
    UpsertConfig config = table.getUpsertConfig();
    List<String> comparison = config.getComparisonColumns();
    if (comparison == null) {
      comparison = List.of(table.getValidationConfig().getTimeColumnName());
    }
    UpsertContext.Builder context = new UpsertContext.Builder().setTableConfig(table).setSchema(schema)
        .setPrimaryKeyColumns(schema.getPrimaryKeyColumns()).setHashFunction(config.getHashFunction())
        .setComparisonColumns(comparison).setDeleteRecordColumn(config.getDeleteRecordColumn())
        .setConsistencyMode(UpsertConfig.ConsistencyMode.NONE).setTableIndexDir(folder);
    if (config.getMode() == UpsertConfig.Mode.PARTIAL) {
      context.setPartialUpsertHandler(new PartialUpsertHandler(schema, comparison, config));
    }
    return new ConcurrentMapPartitionUpsertMetadataManager("t_REALTIME", 0, context.build());
  }

  private static void consumed(TableConfig table, Schema schema, JsonNode rows,
      BasePartitionUpsertMetadataManager manager, File folder, ObjectNode answer) throws Exception {
    File stats = new File(folder, "stats");
    RealtimeSegmentConfig config = new RealtimeSegmentConfig.Builder().setTableNameWithType("t_REALTIME")
        .setSegmentName(SEGMENT).setStreamName("t").setSchema(schema)
        .setTimeColumnName(table.getValidationConfig().getTimeColumnName()).setCapacity(rows.size() + 1)
        .setAvgNumMultiValues(2).setSegmentZKMetadata(new SegmentZKMetadata(SEGMENT))
        .setMemoryManager(new DirectMemoryManager(SEGMENT, ServerMetrics.get()))
        .setStatsHistory(RealtimeSegmentStatsHistory.deserializeFrom(stats))
        .setNullHandlingEnabled(table.getIndexingConfig().isNullHandlingEnabled())
        .setDefaultNullHandlingEnabled(table.getIndexingConfig().isNullHandlingEnabled())
        .setPartitionUpsertMetadataManager(manager).setConsumerDir(new File(folder, "consumer").getPath()).build();
    MutableSegmentImpl segment = new MutableSegmentImpl(config, null);
    ArrayNode refused = answer.putArray("refused");
    TransformPipeline pipeline = new TransformPipeline(table, schema);
    for (int at = 0; at < rows.size(); at++) {
      try {
        for (GenericRow row : pipeline.processRow(row(schema, rows.get(at))).getTransformedRows()) {
          segment.index(row, null);
        }
      } catch (Exception e) {
        refused.add(at);
      }
    }
    answer.set("rows", counting(segment, schema));
    segment.destroy();
  }

  private static void sealed(TableConfig table, Schema schema, JsonNode rows,
      BasePartitionUpsertMetadataManager manager, File folder, ObjectNode answer) throws Exception {
    List<GenericRow> made = new java.util.ArrayList<>();
    for (JsonNode row : rows) {
      made.add(row(schema, row));
    }
    File written = PinotWriter.write(table, schema, new GenericRowRecordReader(made), folder, SEGMENT);
    ImmutableSegmentImpl segment =
        (ImmutableSegmentImpl) ImmutableSegmentLoader.load(written, new IndexLoadingConfig(table, schema), false);
    manager.addSegment(segment);
    answer.set("rows", counting(segment, schema));
    segment.destroy();
  }

  private static GenericRow row(Schema schema, JsonNode input) throws IOException {
    GenericRow row = new GenericRow();
    for (Map.Entry<String, JsonNode> field : input.properties()) {
      // Pinot makes no TIMESTAMP of an Integer.
      boolean isInstant = schema.getFieldSpecFor(field.getKey()).getDataType() == FieldSpec.DataType.TIMESTAMP;
      JsonNode value = field.getValue();
      row.putValue(field.getKey(), isInstant && value.isNumber() ? (Object) value.longValue() : InputReader.value(value));
    }
    return row;
  }

  private static ArrayNode counting(IndexSegment segment, Schema schema) {
    ArrayNode rows = JSON.createArrayNode();
    PeekableIntIterator docs = segment.getValidDocIds().getMutableRoaringBitmap().getIntIterator();
    while (docs.hasNext()) {
      int doc = docs.next();
      LazyRow row = new LazyRow();
      row.init(segment, doc);
      ObjectNode object = rows.addObject();
      object.put("$row", doc);
      for (FieldSpec field : schema.getAllFieldSpecs()) {
        Object value = row.getValue(field.getName());
        object.set(field.getName(), value == null ? null : Transforms.stored(value));
      }
    }
    return rows;
  }
}
