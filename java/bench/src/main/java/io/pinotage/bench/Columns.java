package io.pinotage.bench;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.apache.pinot.spi.data.readers.GenericRow;

/** The rows of one file in memory, a plain array a column, ready to be served as Pinot's {@link GenericRow}. */
final class Columns {
  /** One column: its array is {@code int[]}, {@code long[]}, {@code float[]}, {@code double[]} or {@code Object[]}. */
  static final class Column {
    final String name;
    final Object array;
    final BitSet nulls;

    Column(String name, Object array, BitSet nulls) {
      this.name = name;
      this.array = array;
      this.nulls = nulls;
    }

    Object get(int row) {
      if (nulls.get(row)) {
        return null;
      }
      if (array instanceof int[]) {
        return ((int[]) array)[row];
      }
      if (array instanceof long[]) {
        return ((long[]) array)[row];
      }
      if (array instanceof float[]) {
        return ((float[]) array)[row];
      }
      if (array instanceof double[]) {
        return ((double[]) array)[row];
      }
      return ((Object[]) array)[row];
    }
  }

  final int rows;
  final List<Column> columns = new ArrayList<>();

  Columns(int rows) {
    this.rows = rows;
  }

  void fill(int row, GenericRow into) {
    for (Column column : columns) {
      into.putValue(column.name, column.get(row));
    }
  }
}
