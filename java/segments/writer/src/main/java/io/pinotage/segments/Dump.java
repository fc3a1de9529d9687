package io.pinotage.segments;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.File;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.pinot.segment.local.segment.readers.PinotSegmentColumnReader;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReader;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReaderContext;
import org.apache.pinot.spi.data.readers.GenericRow;

/** Writes rows as {@code expected.jsonl} of {@code java/conformance} has them. */
final class Dump {
  private static final JsonFactory JSON = new JsonFactory();

  private Dump() {
  }

  /** What this release itself reads in a segment. */
  static void segment(IndexSegment segment, File to) throws IOException {
    List<String> names = new ArrayList<>(new TreeSet<>(segment.getPhysicalColumnNames()));
    List<PinotSegmentColumnReader> readers = new ArrayList<>();
    for (String name : names) {
      readers.add(new PinotSegmentColumnReader(segment, name));
    }
    try (JsonGenerator out = generator(to)) {
      for (int row = 0; row < segment.getSegmentMetadata().getTotalDocs(); row++) {
        List<String> nulls = new ArrayList<>();
        out.writeStartObject();
        for (int c = 0; c < names.size(); c++) {
          out.writeFieldName(names.get(c));
          write(out, value(segment, names.get(c), readers.get(c), row));
          if (readers.get(c).isNull(row)) {
            nulls.add(names.get(c));
          }
        }
        if (!nulls.isEmpty()) {
          out.writeArrayFieldStart("$nulls");
          for (String column : nulls) {
            out.writeString(column);
          }
          out.writeEndArray();
        }
        out.writeEndObject();
        out.writeRaw('\n');
      }
    }
  }

  /** The column reader of 0.11 cannot read raw lists, which its queries can. */
  @SuppressWarnings("unchecked")
  private static Object value(IndexSegment segment, String column, PinotSegmentColumnReader reader, int row) throws IOException {
    ForwardIndexReader<ForwardIndexReaderContext> forward =
        (ForwardIndexReader<ForwardIndexReaderContext>) segment.getDataSource(column).getForwardIndex();
    if (forward.isSingleValue() || forward.isDictionaryEncoded()) {
      return reader.getValue(row);
    }
    int most = segment.getDataSource(column).getDataSourceMetadata().getMaxNumValuesPerMVEntry();
    try (ForwardIndexReaderContext context = forward.createContext()) {
      switch (forward.getStoredType()) {
        case INT: {
          int[] values = new int[most];
          return Arrays.stream(values, 0, forward.getIntMV(row, values, context)).boxed().toArray();
        }
        case LONG: {
          long[] values = new long[most];
          return Arrays.stream(values, 0, forward.getLongMV(row, values, context)).boxed().toArray();
        }
        case STRING: {
          String[] values = new String[most];
          return Arrays.copyOf(values, forward.getStringMV(row, values, context), Object[].class);
        }
        default:
          return reader.getValue(row);
      }
    }
  }

  /** The rows that went in. */
  static void input(Case c, File to) throws IOException {
    try (JsonGenerator out = generator(to)) {
      for (int i = 0; i < c.rows; i++) {
        GenericRow row = c.row(i);
        out.writeStartObject();
        for (String column : new TreeSet<>(row.getFieldToValueMap().keySet())) {
          out.writeFieldName(column);
          write(out, row.getValue(column));
        }
        out.writeEndObject();
        out.writeRaw('\n');
      }
    }
  }

  private static JsonGenerator generator(File to) throws IOException {
    JsonGenerator out = JSON.createGenerator(to, com.fasterxml.jackson.core.JsonEncoding.UTF8);
    out.setRootValueSeparator(null);
    return out;
  }

  private static void write(JsonGenerator out, Object value) throws IOException {
    if (value instanceof Object[]) {
      out.writeStartArray();
      for (Object element : (Object[]) value) {
        write(out, element);
      }
      out.writeEndArray();
    } else if (value instanceof Map) {
      out.writeStartObject();
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        out.writeFieldName((String) entry.getKey());
        write(out, entry.getValue());
      }
      out.writeEndObject();
    } else if (value instanceof List) {
      write(out, ((List<?>) value).toArray());
    } else if (value instanceof Integer) {
      out.writeNumber((Integer) value);
    } else if (value instanceof Long) {
      out.writeNumber((Long) value);
    } else if (value instanceof Float && Float.isFinite((Float) value)) {
      out.writeNumber((Float) value);
    } else if (value instanceof Double && Double.isFinite((Double) value)) {
      out.writeNumber((Double) value);
    } else if (value instanceof Boolean) {
      out.writeBoolean((Boolean) value);
    } else if (value instanceof BigDecimal) {
      out.writeString(((BigDecimal) value).toPlainString());
    } else if (value instanceof byte[]) {
      StringBuilder hex = new StringBuilder();
      for (byte b : (byte[]) value) {
        hex.append(String.format("%02x", b));
      }
      out.writeString(hex.toString());
    } else {
      out.writeString(String.valueOf(value));
    }
  }
}
