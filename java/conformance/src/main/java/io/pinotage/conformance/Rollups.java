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
import org.apache.commons.io.FileUtils;
import org.apache.pinot.common.metadata.segment.SegmentZKMetadata;
import org.apache.pinot.common.metrics.ServerMetrics;
import org.apache.pinot.segment.local.indexsegment.mutable.MutableSegmentImpl;
import org.apache.pinot.segment.local.io.writer.impl.DirectMemoryManager;
import org.apache.pinot.segment.local.realtime.impl.RealtimeSegmentConfig;
import org.apache.pinot.segment.local.realtime.impl.RealtimeSegmentStatsHistory;
import org.apache.pinot.segment.local.segment.creator.TransformPipeline;
import org.apache.pinot.segment.local.utils.TableConfigUtils;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.utils.JsonUtils;

/**
 * What a consuming segment makes of rows that it aggregates: the input of {@link Transforms}, and one line of JSON a case
 * with the rows of the segment in their order, or {@code plan} with the error of a table that a controller refuses.
 */
final class Rollups {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Rollups() {
  }

  static void run(File file, PrintStream out) throws IOException {
    JsonNode input = JSON.readTree(file);
    for (JsonNode one : input.get("cases")) {
      ObjectNode answer = JSON.createObjectNode();
      answer.set("id", one.get("id"));
      File folder = Files.createTempDirectory("rollup").toFile();
      try {
        Schema schema = Schema.fromString(one.get("schema").toString());
        TableConfig table = JsonUtils.jsonNodeToObject(one.get("table"), TableConfig.class);
        TableConfigUtils.validate(table, schema, "TASK");
        answer.set("rows", rows(input, schema, table, folder));
      } catch (Exception e) {
        answer.put("plan", Conformance.describe(e));
      } finally {
        FileUtils.deleteQuietly(folder);
      }
      out.write((answer + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private static ArrayNode rows(JsonNode input, Schema schema, TableConfig table, File folder) throws Exception {
    boolean nulls = table.getIndexingConfig().isNullHandlingEnabled();
    RealtimeSegmentConfig config = new RealtimeSegmentConfig.Builder(table, schema).setTableNameWithType("t_REALTIME")
        .setSegmentName("s").setStreamName("topic").setSchema(schema).setTimeColumnName("ts")
        .setCapacity(input.get("rows").size()).setAvgNumMultiValues(3).setSegmentZKMetadata(new SegmentZKMetadata("s"))
        .setOffHeap(true).setMemoryManager(new DirectMemoryManager("s", ServerMetrics.get()))
        .setStatsHistory(RealtimeSegmentStatsHistory.deserializeFrom(new File(folder, "history")))
        .setAggregateMetrics(table.getIndexingConfig().isAggregateMetrics())
        .setIngestionAggregationConfigs(
            table.getIngestionConfig() == null ? null : table.getIngestionConfig().getAggregationConfigs())
        .setNullHandlingEnabled(nulls).setConsumerDir(new File(folder, "consumer").getPath()).build();
    MutableSegmentImpl segment = new MutableSegmentImpl(config, null);
    ArrayNode rows = JSON.createArrayNode();
    try {
      TransformPipeline pipeline = new TransformPipeline(table, schema);
      for (JsonNode row : input.get("rows")) {
        for (GenericRow made : pipeline.processRow(Transforms.generic(input.get("columns"), row)).getTransformedRows()) {
          segment.index(made, null);
        }
      }
      for (int doc = 0; doc < segment.getNumDocsIndexed(); doc++) {
        GenericRow record = segment.getRecord(doc, new GenericRow());
        ObjectNode object = rows.addObject();
        for (FieldSpec field : schema.getAllFieldSpecs()) {
          String name = field.getName();
          object.set(name, record.isNullValue(name) ? null : Transforms.stored(record.getValue(name)));
        }
      }
    } finally {
      segment.destroy();
    }
    return rows;
  }
}
