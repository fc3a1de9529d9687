package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.data.readers.RecordReader;
import org.apache.pinot.spi.data.readers.RecordReaderConfig;

/**
 * Raw records from {@code input.jsonl} as Pinot's {@link GenericRow}: integers stay Integer or Long, other numbers are
 * Double, strings are strings, arrays are {@code Object[]}, null and absent are null.
 */
final class InputReader implements RecordReader {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final File file;
  private transient BufferedReader lines;
  private transient String ahead;

  InputReader(File file) throws IOException {
    this.file = file;
    rewind();
  }

  @Override
  public void init(File dataFile, Set<String> fields, RecordReaderConfig config) {
    throw new UnsupportedOperationException("constructed with its file");
  }

  @Override
  public boolean hasNext() {
    return ahead != null;
  }

  @Override
  public GenericRow next(GenericRow row) throws IOException {
    Iterator<Map.Entry<String, JsonNode>> fields = JSON.readTree(ahead).fields();
    while (fields.hasNext()) {
      Map.Entry<String, JsonNode> field = fields.next();
      row.putValue(field.getKey(), value(field.getValue()));
    }
    advance();
    return row;
  }

  @Override
  public void rewind() throws IOException {
    close();
    lines = Files.newBufferedReader(file.toPath(), StandardCharsets.UTF_8);
    advance();
  }

  @Override
  public void close() throws IOException {
    if (lines != null) {
      lines.close();
    }
  }

  private void advance() throws IOException {
    do {
      ahead = lines.readLine();
    } while (ahead != null && ahead.isBlank());
  }

  static Object value(JsonNode node) throws IOException {
    if (node.isNull()) {
      return null;
    }
    if (node.isTextual()) {
      return node.textValue();
    }
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    if (node.isInt()) {
      return node.intValue();
    }
    if (node.isIntegralNumber()) {
      return node.canConvertToLong() ? (Object) node.longValue() : node.decimalValue();
    }
    if (node.isNumber()) {
      return node.doubleValue();
    }
    if (node.isArray()) {
      Object[] values = new Object[node.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = value(node.get(i));
      }
      return values;
    }
    // Pinot writes the entries of a map in the order that the map has.
    return new TreeMap<String, Object>(JSON.treeToValue(node, Map.class));
  }
}
