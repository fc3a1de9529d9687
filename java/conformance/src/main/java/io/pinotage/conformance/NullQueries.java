package io.pinotage.conformance;

/** SQL semantics of nulls, for a column whose nulls the table tracks: {@code enableNullHandling=true}. */
final class NullQueries {
  static final String OPTION = "SET enableNullHandling=true; ";

  private final Asker ask;
  private final ExpectedColumn c;
  private final String name;
  private final boolean indexed;

  NullQueries(Asker ask, ExpectedColumn column, boolean indexed) {
    this.indexed = indexed;
    this.ask = ask;
    this.c = column;
    this.name = Sql.name(column.name);
  }

  void run() {
    int nulls = c.nulls.cardinality();
    String count = OPTION + "SELECT COUNT(*) FROM " + ask.table + " WHERE ";
    ask.same(count + name + " IS NULL", (long) nulls);
    ask.same(count + name + " IS NOT NULL", (long) (c.rows - nulls));
    new SelectQueries(ask, c).first(OPTION, true);
    if (!c.single) {
      return;
    }
    ask.same(OPTION + "SELECT COUNT(" + name + ") FROM " + ask.table, (long) (c.rows - nulls));
    for (int rank : new int[]{0, c.distinct.length / 2, c.distinct.length - 1}) {
      if (nullsPass(rank, rank)) {
        continue;
      }
      ask.same(count + name + " = " + Sql.literal(c.distinct[rank], c.type), (long) nonNull(rank, rank));
    }
    if (c.numeric()) {
      int last = c.distinct.length - 1;
      if (!nullsPass(last / 2 + 1, last)) {
        ask.same(count + name + " > " + Sql.literal(c.distinct[last / 2], c.type), (long) nonNull(last / 2 + 1, last));
      }
      leastAndGreatest();
    }
  }

  /** Pinot 1.5.1 answers from an inverted or range index alone, nulls that are stored as such values included. */
  private boolean nullsPass(int lowest, int highest) {
    return indexed && nonNull(lowest, highest) != c.rowsWithin(lowest, highest);
  }

  private int nonNull(int lowest, int highest) {
    int count = 0;
    for (int row = 0; row < c.rows; row++) {
      if (!c.nulls.get(row) && c.ranks[row] >= lowest && c.ranks[row] <= highest) {
        count++;
      }
    }
    return count;
  }

  private void leastAndGreatest() {
    int least = Integer.MAX_VALUE;
    int greatest = -1;
    for (int row = 0; row < c.rows; row++) {
      if (!c.nulls.get(row)) {
        least = Math.min(least, c.ranks[row]);
        greatest = Math.max(greatest, c.ranks[row]);
      }
    }
    String min = OPTION + "SELECT MIN(" + name + ") FROM " + ask.table;
    String max = OPTION + "SELECT MAX(" + name + ") FROM " + ask.table;
    if (greatest < 0) {
      ask.same(min, null);
      ask.same(max, null);
      return;
    }
    double low = ((Number) c.distinct[least]).doubleValue();
    double high = ((Number) c.distinct[greatest]).doubleValue();
    ask.close(min, low, Math.abs(low));
    ask.close(max, high, Math.abs(high));
  }
}
