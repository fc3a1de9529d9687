package io.pinotage.conformance;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.pinot.segment.local.segment.readers.PinotSegmentColumnReader;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.spi.data.Schema;

/** Writes a loaded segment as {@code expected.jsonl} has it, through {@link PinotSegmentColumnReader}. */
final class SegmentDump {
  private static final JsonFactory JSON = new JsonFactory();

  private SegmentDump() {
  }

  static void write(IndexSegment segment, Schema schema, Writer to) throws IOException {
    BufferedWriter out = new BufferedWriter(to);
    int rows = segment.getSegmentMetadata().getTotalDocs();
    if (rows == 0) {
      return;
    }
    List<String> names = new ArrayList<>(new TreeSet<>(schema.getPhysicalColumnNames()));
    List<PinotSegmentColumnReader> readers = new ArrayList<>();
    for (String name : names) {
      readers.add(new PinotSegmentColumnReader(segment, name));
    }
    JsonGenerator g = JSON.createGenerator(out);
    g.setRootValueSeparator(null);
    List<String> nulls = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      nulls.clear();
      g.writeStartObject();
      for (int c = 0; c < names.size(); c++) {
        g.writeFieldName(names.get(c));
        writeCell(g, readers.get(c).getValue(row));
        if (readers.get(c).isNull(row)) {
          nulls.add(names.get(c));
        }
      }
      if (!nulls.isEmpty()) {
        g.writeArrayFieldStart("$nulls");
        for (String column : nulls) {
          g.writeString(column);
        }
        g.writeEndArray();
      }
      g.writeEndObject();
      g.writeRaw('\n');
    }
    g.flush();
    for (PinotSegmentColumnReader reader : readers) {
      reader.close();
    }
  }

  private static void writeCell(JsonGenerator g, Object cell) throws IOException {
    if (cell instanceof Object[]) {
      g.writeStartArray();
      for (Object value : (Object[]) cell) {
        StoredValue.write(g, StoredValue.of(value));
      }
      g.writeEndArray();
    } else if (cell instanceof Map) {
      g.writeRawValue((String) StoredValue.of(cell));
    } else {
      StoredValue.write(g, StoredValue.of(cell));
    }
  }
}
