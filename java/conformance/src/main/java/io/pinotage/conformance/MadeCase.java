package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** A case made by a few lines of Java: columns with their rules, a table config, a number of rows. */
final class MadeCase {
  private static final ObjectMapper JSON = new ObjectMapper();

  final String name;
  final int rows;
  private final ObjectNode schema = JSON.createObjectNode();
  private final ObjectNode table = JSON.createObjectNode();
  private boolean unreadable;
  private final Map<String, IntFunction<Object>> rules = new LinkedHashMap<>();

  MadeCase(String name, int rows) {
    this.name = name;
    this.rows = rows;
    schema.put("schemaName", tableName());
    table.put("tableName", tableName() + "_OFFLINE").put("tableType", "OFFLINE");
    table.putObject("segmentsConfig").put("replication", "1").put("schemaName", tableName());
    table.putObject("tenants");
    table.putObject("tableIndexConfig").put("loadMode", "MMAP");
    table.putObject("metadata");
  }

  private String tableName() {
    return name.replace('-', '_');
  }

  String segmentName() {
    return tableName() + "_0";
  }

  /** A dimension; multi-value when the rule makes lists is said by {@code type} ending in {@code []}. */
  MadeCase dimension(String column, String type, IntFunction<Object> rule) {
    boolean many = type.endsWith("[]");
    ObjectNode field = schema.withArray("dimensionFieldSpecs").addObject();
    field.put("name", column).put("dataType", many ? type.substring(0, type.length() - 2) : type);
    if (many) {
      field.put("singleValueField", false);
    }
    rules.put(column, rule);
    return this;
  }

  /** Keys with values, which need not be of the type that the schema says. */
  MadeCase map(String column, String valueType, IntFunction<Object> rule) {
    ObjectNode field = schema.withArray("complexFieldSpecs").addObject();
    field.put("name", column).put("dataType", "MAP").put("fieldType", "COMPLEX");
    ObjectNode children = field.putObject("childFieldSpecs");
    children.putObject("key").put("name", "key").put("dataType", "STRING").put("fieldType", "DIMENSION");
    children.putObject("value").put("name", "value").put("dataType", valueType).put("fieldType", "DIMENSION");
    rules.put(column, rule);
    return this;
  }

  MadeCase metric(String column, String type, IntFunction<Object> rule) {
    schema.withArray("metricFieldSpecs").addObject().put("name", column).put("dataType", type);
    rules.put(column, rule);
    return this;
  }

  /** A date-time column; the first one is the table's time column. */
  MadeCase time(String column, String type, String format, IntFunction<Object> rule) {
    schema.withArray("dateTimeFieldSpecs").addObject().put("name", column).put("dataType", type)
        .put("format", format).put("granularity", "1:MILLISECONDS");
    ObjectNode segments = (ObjectNode) table.get("segmentsConfig");
    if (!segments.has("timeColumnName")) {
      segments.put("timeColumnName", column);
    }
    rules.put(column, rule);
    return this;
  }

  MadeCase schema(String json) {
    return merge(schema, json);
  }

  /** Adds to {@code tableIndexConfig}. */
  MadeCase indexing(String json) {
    return merge((ObjectNode) table.get("tableIndexConfig"), json);
  }

  MadeCase notNull(String column) {
    for (String kind : new String[]{"dimensionFieldSpecs", "metricFieldSpecs", "dateTimeFieldSpecs"}) {
      for (JsonNode field : schema.withArray(kind)) {
        if (field.get("name").asText().equals(column)) {
          ((ObjectNode) field).put("notNull", true);
        }
      }
    }
    return this;
  }

  /** Adds a field config; without one a column has a dictionary. */
  MadeCase field(String column, String json) {
    ArrayNode list = table.withArray("fieldConfigList");
    ObjectNode field = list.addObject();
    field.put("name", column);
    return merge(field, json);
  }

  /** Stores every column raw, with one codec and one version of the chunk format. */
  MadeCase allRaw(String codec, int version) {
    for (String column : new ArrayList<>(rules.keySet())) {
      field(column, "{'encodingType':'RAW','indexes':{'forward':{'compressionCodec':'" + codec
          + "','rawIndexWriterVersion':" + version + "}}}");
    }
    return this;
  }

  /** Pinot 1.5.1 writes these bytes rightly and reads them wrongly: the input, plain numbers, is what is expected. */
  MadeCase unreadable() {
    unreadable = true;
    return this;
  }

  boolean isUnreadable() {
    return unreadable;
  }

  private MadeCase merge(ObjectNode into, String json) {
    try {
      into.setAll((ObjectNode) JSON.readTree(json.replace('\'', '"')));
      return this;
    } catch (IOException e) {
      throw new IllegalArgumentException(json, e);
    }
  }

  List<String> columns() {
    return new ArrayList<>(rules.keySet());
  }

  /** Writes the input files of the case. */
  CaseDir writeTo(File root) throws IOException {
    File dir = new File(root, name);
    Files.createDirectories(dir.toPath());
    pretty(new File(dir, "schema.json"), schema);
    pretty(new File(dir, "table.json"), table);
    pretty(new File(dir, "case.json"), JSON.createObjectNode().put("name", name).put("sorted", false)
        .put("segmentName", segmentName()));
    StringBuilder out = new StringBuilder();
    for (int row = 0; row < rows; row++) {
      Map<String, Object> values = new LinkedHashMap<>();
      for (Map.Entry<String, IntFunction<Object>> rule : rules.entrySet()) {
        Object value = rule.getValue().apply(row);
        if (value != null) {
          values.put(rule.getKey(), value);
        }
      }
      out.append(JSON.writeValueAsString(values)).append('\n');
    }
    Files.write(new File(dir, "input.jsonl").toPath(), out.toString().getBytes(StandardCharsets.UTF_8));
    return new CaseDir(dir);
  }

  private static void pretty(File file, JsonNode node) throws IOException {
    Files.write(file.toPath(),
        (JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8));
  }
}
