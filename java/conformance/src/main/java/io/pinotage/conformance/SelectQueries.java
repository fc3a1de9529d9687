package io.pinotage.conformance;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.apache.pinot.spi.data.FieldSpec.DataType;
import org.apache.pinot.spi.utils.BytesUtils;

/** The first rows of one column, and its least and greatest values by ORDER BY. */
final class SelectQueries {
  private static final int ROWS = 50;

  private final Asker ask;
  private final ExpectedColumn c;
  private final String name;

  SelectQueries(Asker ask, ExpectedColumn column) {
    this.ask = ask;
    this.c = column;
    this.name = Sql.name(column.name);
  }

  void run() {
    first("", false);
    if (c.single) {
      ordered(true);
      ordered(false);
    }
  }

  /** The first rows; with nulls shown when the option is on. */
  void first(String option, boolean nulls) {
    if (!c.single && c.type == DataType.BYTES) {
      return; // Pinot has no data table type for lists of bytes
    }
    String sql = option + "SELECT " + name + " FROM " + ask.table + " LIMIT " + ROWS;
    List<String> expected = new ArrayList<>();
    for (int row = 0; row < Math.min(ROWS, c.rows); row++) {
      expected.add(nulls && c.nulls.get(row) ? "null" : cell(row));
    }
    compare(sql, expected);
  }

  private void ordered(boolean ascending) {
    String sql = "SELECT " + name + " FROM " + ask.table + " ORDER BY " + name + (ascending ? "" : " DESC")
        + " LIMIT " + ROWS;
    int[] counts = new int[c.distinct.length];
    for (int rank : c.ranks) {
      counts[rank]++;
    }
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < counts.length && expected.size() < ROWS; i++) {
      int rank = ascending ? i : counts.length - 1 - i;
      for (int n = 0; n < counts[rank] && expected.size() < ROWS; n++) {
        expected.add(StoredValue.brokerText(c.distinct[rank], c.type));
      }
    }
    compare(sql, expected);
  }

  private String cell(int row) {
    if (c.single) {
      return StoredValue.brokerText(c.value(row), c.type);
    }
    List<String> values = new ArrayList<>();
    for (int i = c.start(row); i < c.end(row); i++) {
      values.add(StoredValue.brokerText(c.value(i), c.type));
    }
    return values.toString();
  }

  private void compare(String sql, List<String> expected) {
    List<Object[]> rows = ask.rows(sql);
    if (rows == null) {
      return;
    }
    if (rows.size() != expected.size()) {
      ask.wrong(sql + ": expected " + expected.size() + " rows, found " + rows.size());
      return;
    }
    for (int i = 0; i < expected.size(); i++) {
      String found = normal(rows.get(i)[0], c.type);
      if (!expected.get(i).equals(found)) {
        ask.wrong(sql + ": row " + i + ": expected " + expected.get(i) + ", found " + found);
        return;
      }
    }
  }

  /** Text of a cell of the answer, arrays as lists. */
  static String normal(Object cell, DataType type) {
    if (cell == null) {
      return "null";
    }
    if (cell instanceof byte[]) {
      return BytesUtils.toHexString((byte[]) cell);
    }
    if (cell.getClass().isArray()) {
      List<String> values = new ArrayList<>();
      for (int i = 0; i < Array.getLength(cell); i++) {
        values.add(normal(Array.get(cell, i), type));
      }
      return values.toString();
    }
    if (type == DataType.BIG_DECIMAL) {
      return new BigDecimal(cell.toString()).stripTrailingZeros().toPlainString();
    }
    return cell.toString();
  }
}
