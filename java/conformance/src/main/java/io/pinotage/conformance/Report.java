package io.pinotage.conformance;

import java.util.ArrayList;
import java.util.List;

/** What one case came to: how many things were checked, what was wrong (the first ten in words), what is worth a note. */
final class Report {
  private static final int SHOWN = 10;

  private final String name;
  private final List<String> failures = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private long checks;
  private long failed;

  Report(String name) {
    this.name = name;
  }

  void checked(long n) {
    checks += n;
  }

  void fail(String detail) {
    failed++;
    if (failures.size() < SHOWN) {
      failures.add(detail);
    }
  }

  /** One check. */
  boolean that(boolean right, String wrong) {
    checks++;
    if (!right) {
      fail(wrong);
    }
    return right;
  }

  void equal(String what, Object expected, Object found) {
    checks++;
    if (expected == null ? found != null : !expected.equals(found)) {
      fail(what + ": expected " + expected + ", found " + found);
    }
  }

  void note(String line) {
    notes.add(line);
  }

  boolean ok() {
    return failed == 0;
  }

  List<String> failures() {
    return failures;
  }

  void print(int rows, int columns) {
    StringBuilder out = new StringBuilder();
    out.append(ok() ? "ok   " : "FAIL ").append(name).append(" rows ").append(rows).append(" columns ").append(columns)
        .append(" checks ").append(checks);
    if (!ok()) {
      out.append(" wrong ").append(failed);
    }
    out.append('\n');
    for (String failure : failures) {
      out.append("     ").append(shorten(failure)).append('\n');
    }
    if (failed > failures.size()) {
      out.append("     and ").append(failed - failures.size()).append(" more\n");
    }
    for (String note : notes) {
      out.append("     note: ").append(shorten(note)).append('\n');
    }
    System.out.print(out);
    System.out.flush();
  }

  private static String shorten(String s) {
    String line = s.replace("\n", "\\n").replace("\r", "\\r");
    return line.length() <= 600 ? line : line.substring(0, 600) + "…";
  }
}
