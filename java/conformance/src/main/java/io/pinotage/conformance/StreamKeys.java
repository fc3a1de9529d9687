package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.IntegerSerializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.pinot.spi.utils.BytesUtils;

/**
 * Where Kafka's own producer sends keys: a file of JSON with {@code cases}, each with {@code id}, {@code serializer},
 * {@code partitions}, {@code columns} (names and types, for {@code json}) and {@code keys}, each a value, for {@code bytes} in
 * hex, for {@code json} an array of the columns' values. One line of JSON a case, with the {@code partitions} of the keys.
 */
final class StreamKeys {
  private static final ObjectMapper JSON = new ObjectMapper();

  private StreamKeys() {
  }

  static void run(File file, PrintStream out) throws IOException {
    for (JsonNode one : JSON.readTree(file).get("cases")) {
      ObjectNode answer = JSON.createObjectNode();
      answer.set("id", one.get("id"));
      ArrayNode partitions = answer.putArray("partitions");
      for (JsonNode key : one.get("keys")) {
        partitions.add(BuiltInPartitioner.partitionForKey(bytes(one, key), one.get("partitions").intValue()));
      }
      out.write((answer + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private static byte[] bytes(JsonNode one, JsonNode key) {
    switch (one.get("serializer").textValue()) {
      case "string":
        return new StringSerializer().serialize("topic", key.asText());
      case "int":
        return new IntegerSerializer().serialize("topic", key.intValue());
      case "long":
        return new LongSerializer().serialize("topic", key.longValue());
      case "bytes":
        return new ByteArraySerializer().serialize("topic", BytesUtils.toBytes(key.textValue()));
      default:
        return object(one.get("columns"), key);
    }
  }

  private static byte[] object(JsonNode columns, JsonNode values) {
    SchemaBuilder builder = SchemaBuilder.struct();
    for (JsonNode column : columns) {
      builder.field(column.get("name").textValue(), type(column.get("type").textValue()));
    }
    Schema schema = builder.build();
    Struct struct = new Struct(schema);
    for (int at = 0; at < columns.size(); at++) {
      String name = columns.get(at).get("name").textValue();
      struct.put(name, value(schema.field(name).schema(), values.get(at)));
    }
    try (JsonConverter converter = new JsonConverter()) {
      converter.configure(Map.of("schemas.enable", "false"), true);
      return converter.fromConnectData("topic", schema, struct);
    }
  }

  private static Schema type(String type) {
    switch (type) {
      case "INT":
        return Schema.OPTIONAL_INT32_SCHEMA;
      case "LONG":
        return Schema.OPTIONAL_INT64_SCHEMA;
      case "BOOLEAN":
        return Schema.OPTIONAL_BOOLEAN_SCHEMA;
      default:
        return Schema.OPTIONAL_STRING_SCHEMA;
    }
  }

  private static Object value(Schema type, JsonNode value) {
    if (value.isNull()) {
      return null;
    }
    switch (type.type()) {
      case INT32:
        return value.intValue();
      case INT64:
        return value.longValue();
      case BOOLEAN:
        return value.booleanValue();
      default:
        return value.textValue();
    }
  }
}
