package io.pinotage.conformance;

import java.math.BigDecimal;
import org.apache.pinot.spi.data.FieldSpec.DataType;
import org.apache.pinot.spi.utils.ByteArray;

/** Names and literals, quoted. */
final class Sql {
  private Sql() {
  }

  static String name(String identifier) {
    return '"' + identifier.replace("\"", "\"\"") + '"';
  }

  /** Ints and booleans bare; all other values between quotes, which Pinot parses by the type of the column. */
  static String literal(Object value, DataType type) {
    if (type == DataType.BOOLEAN) {
      return (Integer) value == 1 ? "true" : "false";
    }
    if (value instanceof Integer && (Integer) value >= 0) {
      return value.toString();
    }
    return '\'' + StoredValue.text(value).replace("'", "''") + '\'';
  }

  /** A literal of a value that the column does not hold; null when it holds all that there are. */
  static String absent(ExpectedColumn column) {
    if (column.type == DataType.BOOLEAN) {
      return column.distinct.length == 2 ? null : literal(1 - (Integer) column.distinct[0], column.type);
    }
    for (int i = 77_000_001; i < 77_010_000; i++) {
      Object candidate = candidate(column.stored, i);
      boolean held = false;
      for (Object value : column.distinct) {
        held |= StoredValue.same(candidate, value);
      }
      if (!held) {
        return literal(candidate, column.type);
      }
    }
    return null;
  }

  private static Object candidate(DataType stored, int i) {
    switch (stored) {
      case INT:
        return i;
      case LONG:
        return (long) i;
      case FLOAT:
        return i / 64f;
      case DOUBLE:
        return i / 64d;
      case BIG_DECIMAL:
        return BigDecimal.valueOf(i, 7);
      case BYTES:
        return new ByteArray(BigDecimal.valueOf(i).toBigInteger().toByteArray());
      default:
        return "it's absent " + i;
    }
  }
}
