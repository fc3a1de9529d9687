package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Timestamp;
import java.util.List;
import java.util.Map;
import org.apache.pinot.segment.local.segment.creator.TransformPipeline;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.utils.BytesUtils;
import org.apache.pinot.spi.utils.JsonUtils;

/**
 * Pinot's own transform pipeline over rows of a file: one JSON object with {@code columns} (names and types),
 * {@code rows}, and {@code cases}, each with {@code id}, {@code schema} and {@code table}. One line of JSON a case: what
 * became of each row, or {@code plan} with the error of a table that Pinot does not take.
 */
final class Transforms {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Transforms() {
  }

  static void run(File file, PrintStream out) throws IOException {
    JsonNode input = JSON.readTree(file);
    JsonNode columns = input.get("columns");
    for (JsonNode one : input.get("cases")) {
      ObjectNode answer = JSON.createObjectNode();
      answer.set("id", one.get("id"));
      try {
        Schema schema = Schema.fromString(one.get("schema").toString());
        TableConfig table = JsonUtils.jsonNodeToObject(one.get("table"), TableConfig.class);
        TransformPipeline pipeline = new TransformPipeline(table, schema);
        JsonNode rows = one.has("rows") ? one.get("rows") : input.get("rows");
        ArrayNode answers = answer.putArray("rows");
        for (JsonNode row : rows) {
          answers.add(row(pipeline, schema, columns, row));
        }
      } catch (Exception e) {
        answer.put("plan", Conformance.describe(e));
      }
      out.write((answer + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  /** The rows that a row became: an array of objects, or the error. */
  private static JsonNode row(TransformPipeline pipeline, Schema schema, JsonNode columns, JsonNode input)
      throws IOException {
    List<GenericRow> made;
    try {
      made = pipeline.processRow(generic(columns, input)).getTransformedRows();
    } catch (Exception e) {
      return JSON.getNodeFactory().textNode(Conformance.describe(e));
    }
    ArrayNode rows = JSON.createArrayNode();
    for (GenericRow one : made) {
      ObjectNode object = rows.addObject();
      for (FieldSpec field : schema.getAllFieldSpecs()) {
        String name = field.getName();
        object.set(name, one.isNullValue(name) ? null : stored(one.getValue(name)));
      }
    }
    return rows;
  }

  /** A row as record readers make it. */
  static GenericRow generic(JsonNode columns, JsonNode input) throws IOException {
    GenericRow row = new GenericRow();
    for (JsonNode column : columns) {
      String name = column.get("name").asText();
      if (input.hasNonNull(name)) {
        row.putValue(name, value(input.get(name), column.get("type").asText()));
      }
    }
    return row;
  }

  private static Object value(JsonNode node, String type) throws IOException {
    switch (type) {
      case "INT":
        return node.intValue();
      case "LONG":
        return node.longValue();
      case "FLOAT":
        return (float) node.doubleValue();
      case "DOUBLE":
        return node.isTextual() ? Double.parseDouble(node.textValue()) : node.doubleValue();
      case "BOOLEAN":
        return node.booleanValue();
      case "BIG_DECIMAL":
        return new BigDecimal(node.textValue());
      case "TIMESTAMP":
        return new Timestamp(node.longValue());
      case "BYTES":
        return BytesUtils.toBytes(node.textValue());
      case "STRING":
        return node.textValue();
      default:
        return nested(node);
    }
  }

  /** Lists as record readers make them, maps as they are. */
  private static Object nested(JsonNode node) throws IOException {
    if (node.isArray()) {
      Object[] values = new Object[node.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = nested(node.get(i));
      }
      return values;
    }
    if (node.isObject()) {
      Map<String, Object> map = new java.util.LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : node.properties()) {
        map.put(entry.getKey(), nested(entry.getValue()));
      }
      return map;
    }
    return JSON.treeToValue(node, Object.class);
  }

  /** A stored value as text: every number and byte is seen. */
  static JsonNode stored(Object value) {
    if (value instanceof Object[]) {
      ArrayNode items = JSON.createArrayNode();
      for (Object item : (Object[]) value) {
        items.add(stored(item));
      }
      return items;
    }
    if (value instanceof byte[]) {
      return JSON.getNodeFactory().textNode(BytesUtils.toHexString((byte[]) value));
    }
    if (value instanceof BigDecimal) {
      return JSON.getNodeFactory().textNode(((BigDecimal) value).toPlainString());
    }
    if (value instanceof String) {
      // As it is written: half a surrogate pair is lost.
      return JSON.getNodeFactory()
          .textNode(new String(((String) value).getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8));
    }
    return JSON.getNodeFactory().textNode(String.valueOf(value));
  }
}
