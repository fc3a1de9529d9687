package io.pinotage.conformance;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.sql.Timestamp;
import java.util.Map;
import org.apache.pinot.spi.data.FieldSpec.DataType;
import org.apache.pinot.spi.utils.ByteArray;

/**
 * One stored value, in Pinot's Java types: Integer, Long, Float, Double, BigDecimal, String, {@link ByteArray}. Between
 * these and their texts: expected.jsonl, an answer of the broker, a metadata property.
 */
final class StoredValue {
  private static final ObjectMapper SORTED =
      new ObjectMapper().configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true);

  private StoredValue() {
  }

  /** What a column reader returned, made comparable. Trailing zeros of a BigDecimal carry no meaning. */
  static Comparable<?> of(Object read) {
    if (read instanceof byte[]) {
      return new ByteArray((byte[]) read);
    }
    return read instanceof Map ? json(read) : (Comparable<?>) read;
  }

  /** What {@link #of} made text of. */
  static Map<String, Object> map(Object text) throws IOException {
    return SORTED.readValue((String) text, new TypeReference<>() {
    });
  }

  /** A map, or anything in one, with its keys in order. */
  private static String json(Object value) {
    try {
      return SORTED.writeValueAsString(value);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Equal values are equal keys, also for BigDecimal. */
  static Object key(Object value) {
    return value instanceof BigDecimal ? ((BigDecimal) value).stripTrailingZeros() : value;
  }

  static boolean same(Object a, Object b) {
    if (a instanceof BigDecimal && b instanceof BigDecimal) {
      return ((BigDecimal) a).compareTo((BigDecimal) b) == 0;
    }
    return a != null && a.equals(b);
  }

  /** Reads the value under the parser, a scalar. */
  static Comparable<?> read(JsonParser p, DataType stored) throws IOException {
    switch (stored) {
      case INT:
        return p.getIntValue();
      case LONG:
        return p.getLongValue();
      case FLOAT:
        return Float.parseFloat(p.getText());
      case DOUBLE:
        return Double.parseDouble(p.getText());
      case BIG_DECIMAL:
        // Plain text loses the scale; Pinot stores 1000 as 1E+3, and counts its bytes so.
        return new BigDecimal(p.getText()).stripTrailingZeros();
      case STRING:
        need(p, JsonToken.VALUE_STRING);
        return p.getText();
      case BYTES:
        need(p, JsonToken.VALUE_STRING);
        return new ByteArray(unhex(p.getText()));
      case MAP:
        return json(SORTED.readValue(p, Object.class));
      default:
        throw new IOException("stored type " + stored + " is not covered");
    }
  }

  private static void need(JsonParser p, JsonToken token) throws IOException {
    if (p.currentToken() != token) {
      throw new IOException("found " + p.currentToken() + " where a string was expected");
    }
  }

  /** Writes the value as expected.jsonl has it. */
  static void write(JsonGenerator g, Object value) throws IOException {
    if (value instanceof Integer) {
      g.writeNumber((Integer) value);
    } else if (value instanceof Long) {
      g.writeNumber((Long) value);
    } else if (value instanceof Float) {
      float f = (Float) value;
      if (Float.isFinite(f)) {
        g.writeNumber(f);
      } else {
        g.writeString(Float.toString(f));
      }
    } else if (value instanceof Double) {
      double d = (Double) value;
      if (Double.isFinite(d)) {
        g.writeNumber(d);
      } else {
        g.writeString(Double.toString(d));
      }
    } else {
      g.writeString(text(value));
    }
  }

  /** Plain text: also what stands between the quotes of an SQL literal. */
  static String text(Object value) {
    if (value instanceof BigDecimal) {
      return ((BigDecimal) value).toPlainString();
    }
    if (value instanceof ByteArray) {
      return ((ByteArray) value).toHexString();
    }
    return String.valueOf(value);
  }

  /** The text of the value in a broker's answer. */
  static String brokerText(Object value, DataType type) {
    switch (type) {
      case BOOLEAN:
        return String.valueOf((Integer) value == 1);
      case TIMESTAMP:
        return new Timestamp((Long) value).toString();
      case BIG_DECIMAL:
        return ((BigDecimal) value).stripTrailingZeros().toPlainString();
      default:
        return text(value);
    }
  }

  static byte[] unhex(String hex) throws IOException {
    if (hex.length() % 2 != 0) {
      throw new IOException("odd number of hex digits: " + hex);
    }
    byte[] bytes = new byte[hex.length() / 2];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    return bytes;
  }
}
