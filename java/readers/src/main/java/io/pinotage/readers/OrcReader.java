package io.pinotage.readers;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hive.ql.exec.vector.BytesColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.ColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.DecimalColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.DoubleColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.ListColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.LongColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.MapColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.StructColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.TimestampColumnVector;
import org.apache.hadoop.hive.ql.exec.vector.VectorizedRowBatch;
import org.apache.orc.OrcFile;
import org.apache.orc.TypeDescription;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.data.readers.RecordReader;
import org.apache.pinot.spi.data.readers.RecordReaderConfig;

/**
 * Rows of an ORC file as Pinot's {@code ORCRecordReader} of 1.5.1 makes them, which is in no public registry: ORC's own library,
 * and the rules of that reader's source. That of 0.11.0 has the same but for DECIMAL, which it refuses.
 */
public final class OrcReader implements RecordReader {
  private TypeDescription type;
  private Set<String> wanted;
  private org.apache.orc.RecordReader rows;
  private VectorizedRowBatch batch;
  private int at;
  private boolean more;

  @Override
  public void init(File file, Set<String> fields, RecordReaderConfig config) throws IOException {
    org.apache.orc.Reader reader =
        OrcFile.createReader(new Path(file.getAbsolutePath()), OrcFile.readerOptions(new Configuration()));
    type = reader.getSchema();
    wanted = fields;
    for (int i = 0; i < type.getFieldNames().size(); i++) {
      if (fields.contains(type.getFieldNames().get(i))) {
        check(type.getChildren().get(i));
      }
    }
    rows = reader.rows();
    batch = type.createRowBatch();
    fill();
  }

  /** What that reader has no value for. */
  private static void check(TypeDescription type) {
    switch (type.getCategory()) {
      case UNION:
      case TIMESTAMP_INSTANT:
        throw new IllegalStateException("Illegal single-value field type: " + type.getCategory());
      default:
        List<TypeDescription> children = type.getChildren();
        (children == null ? List.<TypeDescription>of() : children).forEach(OrcReader::check);
    }
  }

  private void fill() throws IOException {
    more = rows.nextBatch(batch);
    at = 0;
  }

  @Override
  public boolean hasNext() {
    return more;
  }

  @Override
  public GenericRow next() throws IOException {
    return next(new GenericRow());
  }

  @Override
  public GenericRow next(GenericRow row) throws IOException {
    for (int i = 0; i < batch.cols.length; i++) {
      String name = type.getFieldNames().get(i);
      if (wanted.contains(name)) {
        row.putValue(name, value(batch.cols[i], type.getChildren().get(i), at));
      }
    }
    if (++at == batch.size) {
      fill();
    }
    return row;
  }

  private static Object value(ColumnVector column, TypeDescription type, int row) {
    int at = column.isRepeating ? 0 : row;
    if (!column.noNulls && column.isNull[at]) {
      return null;
    }
    switch (type.getCategory()) {
      case BOOLEAN:
        return Boolean.toString(((LongColumnVector) column).vector[at] == 1);
      case BYTE:
      case SHORT:
      case INT:
        return (int) ((LongColumnVector) column).vector[at];
      case LONG:
      case DATE:
        return ((LongColumnVector) column).vector[at];
      case TIMESTAMP:
        return ((TimestampColumnVector) column).time[at];
      case FLOAT:
        return (float) ((DoubleColumnVector) column).vector[at];
      case DOUBLE:
        return ((DoubleColumnVector) column).vector[at];
      case BINARY:
        return bytes((BytesColumnVector) column, at);
      case DECIMAL: {
        StringBuilder text = new StringBuilder();
        ((DecimalColumnVector) column).stringifyValue(text, at);
        return text.toString();
      }
      case LIST: {
        ListColumnVector list = (ListColumnVector) column;
        List<Object> items = new ArrayList<>();
        for (long i = list.offsets[at]; i < list.offsets[at] + list.lengths[at]; i++) {
          Object item = value(list.child, type.getChildren().get(0), (int) i);
          if (item != null) {
            items.add(item);
          }
        }
        // A list without a value is null.
        return items.isEmpty() ? null : items.toArray();
      }
      case MAP: {
        MapColumnVector map = (MapColumnVector) column;
        Map<Object, Object> entries = new HashMap<>();
        for (long i = map.offsets[at]; i < map.offsets[at] + map.lengths[at]; i++) {
          Object key = value(map.keys, type.getChildren().get(0), (int) i);
          entries.put(key, value(map.values, type.getChildren().get(1), (int) i));
        }
        return entries;
      }
      case STRUCT: {
        Map<Object, Object> fields = new HashMap<>();
        for (int i = 0; i < type.getFieldNames().size(); i++) {
          fields.put(type.getFieldNames().get(i), value(((StructColumnVector) column).fields[i], type.getChildren().get(i), at));
        }
        return fields;
      }
      default:
        return new String(bytes((BytesColumnVector) column, at), StandardCharsets.UTF_8);
    }
  }

  private static byte[] bytes(BytesColumnVector column, int at) {
    return Arrays.copyOfRange(column.vector[at], column.start[at], column.start[at] + column.length[at]);
  }

  @Override
  public void rewind() throws IOException {
    rows.seekToRow(0);
    fill();
  }

  @Override
  public void close() throws IOException {
    rows.close();
  }
}
