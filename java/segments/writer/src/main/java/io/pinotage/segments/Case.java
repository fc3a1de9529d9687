package io.pinotage.segments;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntFunction;
import org.apache.pinot.segment.spi.creator.SegmentVersion;
import org.apache.pinot.spi.data.readers.GenericRow;

/** A segment to be written: columns with the rule of their values, a table config, a number of rows. */
final class Case {
  private static final ObjectMapper JSON = new ObjectMapper();

  final String name;
  final int rows;
  final ObjectNode schema = JSON.createObjectNode();
  final ObjectNode table = JSON.createObjectNode();
  private final Map<String, IntFunction<Object>> rules = new LinkedHashMap<>();
  SegmentVersion version = SegmentVersion.v3;
  String since = "0.11.0";
  boolean realtime;
  /** Not every release can read back what it wrote: the rows that went in are expected, not Pinot's own reading. */
  boolean asGiven;

  Case(String name, int rows) {
    this.name = name;
    this.rows = rows;
    schema.put("schemaName", "t");
    table.put("tableName", "t_OFFLINE").put("tableType", "OFFLINE");
    table.putObject("segmentsConfig").put("replication", "1").put("schemaName", "t");
    table.putObject("tenants");
    table.putObject("tableIndexConfig").put("loadMode", "MMAP");
    table.putObject("metadata");
  }

  /** A dimension; a type that ends in {@code []} has several values a row. */
  Case dimension(String column, String type, IntFunction<Object> rule) {
    boolean many = type.endsWith("[]");
    ObjectNode field = field("dimensionFieldSpecs", column, many ? type.substring(0, type.length() - 2) : type, rule);
    if (many) {
      field.put("singleValueField", false);
    }
    return this;
  }

  Case metric(String column, String type, IntFunction<Object> rule) {
    field("metricFieldSpecs", column, type, rule);
    return this;
  }

  Case time(String column, String type, String format, IntFunction<Object> rule) {
    field("dateTimeFieldSpecs", column, type, rule).put("format", format).put("granularity", "1:MILLISECONDS");
    return this;
  }

  Case map(String column, String valueType, IntFunction<Object> rule) {
    ObjectNode children = field("complexFieldSpecs", column, "MAP", rule).put("fieldType", "COMPLEX")
        .putObject("childFieldSpecs");
    children.putObject("key").put("name", "key").put("dataType", "STRING").put("fieldType", "DIMENSION");
    children.putObject("value").put("name", "value").put("dataType", valueType).put("fieldType", "DIMENSION");
    return this;
  }

  private ObjectNode field(String list, String column, String type, IntFunction<Object> rule) {
    rules.put(column, rule);
    return schema.withArray(list).addObject().put("name", column).put("dataType", type);
  }

  /** Keys of {@code tableIndexConfig}, with single quotes. */
  Case indexing(String json) {
    return merge((ObjectNode) table.get("tableIndexConfig"), json);
  }

  /** Keys of the table config, with single quotes. */
  Case table(String json) {
    return merge(table, json);
  }

  /** Keys of the schema, with single quotes. */
  Case schema(String json) {
    return merge(schema, json);
  }

  private Case merge(ObjectNode target, String json) {
    try {
      target.setAll((ObjectNode) JSON.readTree(json.replace('\'', '"')));
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
    return this;
  }

  /** Every column raw with this codec and version of the chunks. */
  Case raw(String codec, int chunkVersion) {
    ArrayNode columns = ((ObjectNode) table.get("tableIndexConfig")).putArray("noDictionaryColumns");
    for (String column : rules.keySet()) {
      columns.add(column);
      field(column, codec).put("encodingType", "RAW").putObject("properties")
          .put("rawIndexWriterVersion", String.valueOf(chunkVersion));
    }
    return this;
  }

  ObjectNode field(String column, String codec) {
    return table.withArray("fieldConfigList").addObject().put("name", column).put("compressionCodec", codec);
  }

  Case version(SegmentVersion value) {
    version = value;
    return this;
  }

  /** The first of the tried releases that can write it. */
  Case since(String release) {
    since = release;
    return this;
  }

  Case realtime() {
    realtime = true;
    return this;
  }

  Case asGiven() {
    asGiven = true;
    return this;
  }

  /** A row as a record reader gives it; what is null is absent. */
  GenericRow row(int i) {
    GenericRow row = new GenericRow();
    rules.forEach((column, rule) -> {
      Object value = rule.apply(i);
      if (value != null) {
        row.putValue(column, value);
      }
    });
    return row;
  }
}
