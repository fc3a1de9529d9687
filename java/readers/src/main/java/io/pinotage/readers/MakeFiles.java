package io.pinotage.readers;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.apache.parquet.schema.Type;
import org.apache.pinot.spi.utils.BytesUtils;

/** Files by the formats' own libraries. */
final class MakeFiles {
  private MakeFiles() {
  }

  static void make(String format, String type, JsonNode rows, JsonNode writer, File file) throws IOException {
    switch (format) {
      case "AVRO":
        avro(new Schema.Parser().parse(type), rows, file);
        break;
      case "ORC":
        OrcFiles.make(type, rows, writer, file);
        break;
      case "PROTO":
        MessageFiles.make(type, rows, file);
        break;
      default:
        parquet(MessageTypeParser.parseMessageType(type), rows, file);
    }
  }

  /** Rows in Avro's own JSON: a value of a union names its branch. */
  private static void avro(Schema schema, JsonNode rows, File file) throws IOException {
    try (DataFileWriter<GenericRecord> writer = new DataFileWriter<>(new GenericDatumWriter<>(schema))) {
      writer.create(schema, file);
      for (JsonNode row : rows) {
        writer.append(new GenericDatumReader<GenericRecord>(schema).read(null, DecoderFactory.get().jsonDecoder(schema, row.toString())));
      }
    }
  }

  /** Rows as groups: a list is a repeated field, and {@code 0x} begins bytes. */
  private static void parquet(MessageType type, JsonNode rows, File file) throws IOException {
    try (ParquetWriter<Group> writer = ExampleParquetWriter.builder(new Path(file.getPath())).withType(type).build()) {
      for (JsonNode row : rows) {
        writer.write(group(type, row));
      }
    }
  }

  private static Group group(GroupType type, JsonNode row) {
    Group group = new SimpleGroup(type);
    for (Type field : type.getFields()) {
      JsonNode value = row.get(field.getName());
      if (value == null || value.isNull()) {
        continue;
      }
      for (JsonNode one : value.isArray() ? value : java.util.List.of(value)) {
        add(group, field, one);
      }
    }
    return group;
  }

  private static void add(Group group, Type field, JsonNode value) {
    String name = field.getName();
    if (!field.isPrimitive()) {
      // The group that holds it was made for its own type.
      Group inner = group(field.asGroupType(), value);
      group.add(name, inner);
      return;
    }
    switch (field.asPrimitiveType().getPrimitiveTypeName()) {
      case BOOLEAN:
        group.add(name, value.booleanValue());
        break;
      case INT32:
        group.add(name, value.intValue());
        break;
      case INT64:
        group.add(name, value.longValue());
        break;
      case FLOAT:
        group.add(name, (float) value.doubleValue());
        break;
      case DOUBLE:
        group.add(name, value.doubleValue());
        break;
      default:
        String text = value.textValue();
        Binary bytes = text.startsWith("0x") ? Binary.fromConstantByteArray(BytesUtils.toBytes(text.substring(2))) : Binary.fromString(text);
        group.add(name, bytes);
    }
  }
}
