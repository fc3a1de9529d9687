package io.pinotage.conformance;

import java.util.List;

/** Puts a query to the engine and compares the answer; a query that throws is a failure of the case. */
final class Asker {
  private static final double CLOSE = 1e-9;

  private final QueryEngine engine;
  private final Report report;
  final String table;

  Asker(QueryEngine engine, Report report, String rawTable) {
    this.engine = engine;
    this.report = report;
    this.table = Sql.name(rawTable);
  }

  /** All rows; null after a failure that has been reported. */
  List<Object[]> rows(String sql) {
    report.checked(1);
    try {
      return engine.run(sql);
    } catch (RuntimeException e) {
      report.fail(sql + ": " + e);
      return null;
    }
  }

  void count(String where, long expected) {
    same("SELECT COUNT(*) FROM " + table + (where.isEmpty() ? "" : " WHERE " + where), expected);
  }

  /** As {@link #count}, where an index of the column has to answer, and no star-tree: no value is looked at. */
  void countByIndex(String where, long expected) {
    same("SET useStarTree=false; SELECT COUNT(*) FROM " + table + " WHERE " + where, expected);
    if (engine.scannedInFilter() != 0) {
      report.fail(where + ": " + engine.scannedInFilter() + " values were looked at, no index was used");
    }
  }

  /** The only cell of the answer. */
  void same(String sql, Object expected) {
    List<Object[]> rows = rows(sql);
    if (rows != null) {
      Object found = rows.isEmpty() ? "no row" : rows.get(0)[0];
      if (!String.valueOf(expected).equals(String.valueOf(found))) {
        report.fail(sql + ": expected " + expected + ", found " + found);
      }
    }
  }

  /** The only cell, a double that may have been summed in another order. */
  void close(String sql, double expected, double magnitude) {
    List<Object[]> rows = rows(sql);
    if (rows == null) {
      return;
    }
    double found = Double.parseDouble(String.valueOf(rows.get(0)[0]));
    boolean near = Double.compare(found, expected) == 0
        || Double.isFinite(expected) && Math.abs(found - expected) <= CLOSE * magnitude;
    if (!near) {
      report.fail(sql + ": expected " + expected + ", found " + found);
    }
  }

  void wrong(String detail) {
    report.fail(detail);
  }
}
