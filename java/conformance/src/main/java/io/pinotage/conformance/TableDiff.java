package io.pinotage.conformance;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Two tables of stored values: ours as we think Pinot makes it, and Pinot's. */
final class TableDiff {
  private TableDiff() {
  }

  static void rowByRow(ExpectedTable expected, ExpectedTable found, Report report) {
    for (int k = 0; k < expected.columns.size(); k++) {
      ExpectedColumn a = expected.columns.get(k);
      ExpectedColumn b = found.columns.get(k);
      for (int row = 0; row < expected.rows; row++) {
        String left = cell(a, row);
        String right = cell(b, row);
        if (!left.equals(right)) {
          report.fail("row " + row + " column " + a.name + ": expected " + left + ", found " + right);
        }
      }
    }
  }

  /** The same rows in any order. */
  static void asSets(ExpectedTable expected, ExpectedTable found, Report report) {
    Map<String, Integer> counts = new HashMap<>();
    for (int row = 0; row < expected.rows; row++) {
      counts.merge(line(expected, row), 1, Integer::sum);
    }
    for (int row = 0; row < found.rows; row++) {
      String line = line(found, row);
      if (counts.merge(line, -1, Integer::sum) < 0) {
        report.fail("Pinot's row " + row + " is not expected: " + line);
      }
    }
  }

  private static String line(ExpectedTable table, int row) {
    List<String> cells = new ArrayList<>();
    for (ExpectedColumn column : table.columns) {
      cells.add(column.name + "=" + cell(column, row));
    }
    return cells.toString();
  }

  private static String cell(ExpectedColumn column, int row) {
    StringBuilder out = new StringBuilder();
    for (int i = column.start(row); i < column.end(row); i++) {
      out.append(column.single ? "" : i == column.start(row) ? "[" : ", ")
          .append(StoredValue.text(StoredValue.key(column.value(i))));
    }
    out.append(column.single ? "" : column.start(row) == column.end(row) ? "[]" : "]");
    return column.nulls.get(row) ? out + " (null)" : out.toString();
  }
}
