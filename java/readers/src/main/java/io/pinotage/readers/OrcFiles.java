package io.pinotage.readers;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Timestamp;
import java.util.Iterator;
import java.util.Map;
import java.util.TimeZone;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hive.common.type.HiveDecimal;
import org.apache.hadoop.hive.ql.exec.vector.BytesColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.ColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.DecimalColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.DoubleColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.ListColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.LongColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.MapColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.MultiValuedColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.StructColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.TimestampColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.UnionColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.VectorizedRowBatch;
import org.apache.orc.CompressionKind;
import org.apache.orc.OrcFile;
import org.apache.orc.TypeDescription;
import org.apache.orc.Writer;
import org.apache.pinot.spi.utils.BytesUtils;

/** ORC files by ORC's own library. */
final class OrcFiles {
  /** Small, so that a file has several stripes. */
  private static final long STRIPE_BYTES = 16 << 10;

  private OrcFiles() {
  }

  /**
   * Rows as JSON: bytes begin with {@code 0x}, decimals and times are text ({@link Timestamp#valueOf}), a union is the number of
   * its branch and the value. {@code writer} may have the {@code codec} and the {@code zone} of the process that writes.
   */
  static void make(String schema, JsonNode rows, JsonNode writer, File file) throws IOException {
    TypeDescription type = TypeDescription.fromString(schema);
    TimeZone before = TimeZone.getDefault();
    TimeZone.setDefault(TimeZone.getTimeZone(writer.path("zone").asText("UTC")));
    OrcFile.WriterOptions options = OrcFile.writerOptions(new Configuration()).setSchema(type).stripeSize(STRIPE_BYTES)
        .compress(CompressionKind.valueOf(writer.path("codec").asText("ZLIB")));
    try (Writer out = OrcFile.createWriter(new Path(file.getPath()), options)) {
      VectorizedRowBatch batch = type.createRowBatch();
      for (JsonNode row : rows) {
        int at = batch.size++;
        for (int i = 0; i < batch.cols.length; i++) {
          set(batch.cols[i], type.getChildren().get(i), at, row.path(type.getFieldNames().get(i)));
        }
        if (batch.size == batch.getMaxSize()) {
          out.addRowBatch(batch);
          batch.reset();
        }
      }
      out.addRowBatch(batch);
    } finally {
      TimeZone.setDefault(before);
    }
  }

  private static void set(ColumnVector column, TypeDescription type, int at, JsonNode value) {
    if (value.isMissingNode() || value.isNull()) {
      column.noNulls = false;
      column.isNull[at] = true;
      return;
    }
    switch (type.getCategory()) {
      case BOOLEAN:
        ((LongColumnVector) column).vector[at] = value.booleanValue() ? 1 : 0;
        break;
      case BYTE:
      case SHORT:
      case INT:
      case LONG:
      case DATE:
        ((LongColumnVector) column).vector[at] = value.longValue();
        break;
      case FLOAT:
      case DOUBLE:
        ((DoubleColumnVector) column).vector[at] = value.doubleValue();
        break;
      case DECIMAL:
        ((DecimalColumnVector) column).set(at, HiveDecimal.create(value.textValue()));
        break;
      case TIMESTAMP:
      case TIMESTAMP_INSTANT:
        ((TimestampColumnVector) column).set(at, Timestamp.valueOf(value.textValue()));
        break;
      case BINARY:
        ((BytesColumnVector) column).setVal(at, BytesUtils.toBytes(value.textValue().substring(2)));
        break;
      case LIST: {
        ListColumnVector list = (ListColumnVector) column;
        int next = more(list, at, value.size());
        list.child.ensureSize(list.childCount, true);
        for (JsonNode item : value) {
          set(list.child, type.getChildren().get(0), next++, item);
        }
        break;
      }
      case MAP: {
        MapColumnVector map = (MapColumnVector) column;
        int next = more(map, at, value.size());
        map.keys.ensureSize(map.childCount, true);
        map.values.ensureSize(map.childCount, true);
        for (Iterator<Map.Entry<String, JsonNode>> entries = value.fields(); entries.hasNext(); next++) {
          Map.Entry<String, JsonNode> entry = entries.next();
          ((BytesColumnVector) map.keys).setVal(next, entry.getKey().getBytes(StandardCharsets.UTF_8));
          set(map.values, type.getChildren().get(1), next, entry.getValue());
        }
        break;
      }
      case STRUCT: {
        StructColumnVector struct = (StructColumnVector) column;
        for (int i = 0; i < struct.fields.length; i++) {
          set(struct.fields[i], type.getChildren().get(i), at, value.path(type.getFieldNames().get(i)));
        }
        break;
      }
      case UNION: {
        UnionColumnVector union = (UnionColumnVector) column;
        union.tags[at] = value.get(0).intValue();
        set(union.fields[union.tags[at]], type.getChildren().get(union.tags[at]), at, value.get(1));
        break;
      }
      default:
        ((BytesColumnVector) column).setVal(at, value.textValue().getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Room for so many items of a row; returns where the first is. */
  private static int more(MultiValuedColumnVector column, int at, int items) {
    column.offsets[at] = column.childCount;
    column.lengths[at] = items;
    column.childCount += items;
    return column.childCount - items;
  }
}
