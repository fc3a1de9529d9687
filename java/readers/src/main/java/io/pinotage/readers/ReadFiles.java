package io.pinotage.readers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TimeZone;
import org.apache.pinot.segment.local.recordtransformer.CompositeTransformer;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.FileFormat;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.data.readers.RecordReader;
import org.apache.pinot.spi.data.readers.RecordReaderConfig;
import org.apache.pinot.spi.data.readers.RecordReaderFactory;
import org.apache.pinot.spi.utils.BytesUtils;
import org.apache.pinot.spi.utils.JsonUtils;

/**
 * {@code ReadFiles FILE}: what Pinot stores of files. The file has a list of cases, each with {@code file}, {@code format} (as
 * Pinot names it), {@code reader} (its configuration), {@code schemas}, of which each has a go, and for other files than text
 * {@code type} and {@code rows}, of which the file is made first, for ORC by a {@code writer} as {@link OrcFiles} takes it. One line
 * of JSON a case: for each schema its rows, each an object of stored values as text or the text of an error.
 */
public final class ReadFiles {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ReadFiles() {
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    // Those that it does not know by itself.
    String protobuf = "org.apache.pinot.plugin.inputformat.protobuf.ProtoBufRecordReader";
    RecordReaderFactory.register(FileFormat.PROTO, protobuf, protobuf + "Config");
    RecordReaderFactory.register(FileFormat.ORC, OrcReader.class.getName(), null);
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    TableConfig table = JsonUtils.stringToObject("{\"tableName\":\"t\",\"tableType\":\"OFFLINE\",\"segmentsConfig\":"
        + "{\"replication\":\"1\"},\"tenants\":{},\"tableIndexConfig\":{},\"metadata\":{}}", TableConfig.class);
    for (JsonNode one : JSON.readTree(new File(args[0]))) {
      File file = new File(one.get("file").asText());
      if (one.has("type")) {
        MakeFiles.make(one.get("format").asText(), one.get("type").asText(), one.get("rows"), one.path("writer"), file);
      }
      ArrayNode answers = JSON.createArrayNode();
      for (JsonNode schema : one.get("schemas")) {
        answers.add(read(one, file, table, Schema.fromString(schema.toString())));
      }
      out.println(answers);
    }
    out.flush();
    System.exit(0);
  }

  private static ArrayNode read(JsonNode one, File file, TableConfig table, Schema schema) {
    ArrayNode rows = JSON.createArrayNode();
    CompositeTransformer transformer = CompositeTransformer.getDefaultTransformer(table, schema);
    FileFormat format = FileFormat.valueOf(one.get("format").asText());
    try (RecordReader reader = RecordReaderFactory.getRecordReader(format, file, Set.copyOf(schema.getColumnNames()), config(one, format))) {
      while (reader.hasNext()) {
        rows.add(row(reader, transformer, schema));
      }
    } catch (Exception | LinkageError e) {
      rows.add(String.valueOf(e));
    }
    return rows;
  }

  private static RecordReaderConfig config(JsonNode one, FileFormat format) throws Exception {
    if (!one.has("reader")) {
      return null;
    }
    Map<String, String> properties = new HashMap<>();
    one.get("reader").fields().forEachRemaining(field -> properties.put(field.getKey(), field.getValue().asText()));
    return RecordReaderFactory.getRecordReaderConfig(format, properties);
  }

  private static JsonNode row(RecordReader reader, CompositeTransformer transformer, Schema schema) {
    try {
      GenericRow row = transformer.transform(reader.next());
      if (row == null) {
        return JSON.getNodeFactory().textNode("filtered");
      }
      ObjectNode object = JSON.createObjectNode();
      for (FieldSpec field : schema.getAllFieldSpecs()) {
        String name = field.getName();
        object.set(name, row.isNullValue(name) ? null : stored(row.getValue(name)));
      }
      return object;
    } catch (Exception e) {
      Throwable cause = e;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      return JSON.getNodeFactory().textNode(String.valueOf(cause));
    }
  }

  /** A stored value as text: every number and byte is seen. */
  private static JsonNode stored(Object value) {
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
    return JSON.getNodeFactory().textNode(String.valueOf(value));
  }
}
