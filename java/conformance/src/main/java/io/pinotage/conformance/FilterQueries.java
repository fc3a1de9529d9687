package io.pinotage.conformance;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.pinot.spi.data.FieldSpec.DataType;

/** COUNT(*) under equality, inequality, IN, and range filters of one column. A multi-value row matches by any value. */
final class FilterQueries {
  private final Asker ask;
  private final ExpectedColumn c;
  private final String name;
  /** The column has a range index that tells all. */
  private final boolean ranged;

  FilterQueries(Asker ask, ExpectedColumn column, boolean ranged) {
    this.ask = ask;
    this.ranged = ranged;
    this.c = column;
    this.name = Sql.name(column.name);
  }

  void run() {
    Set<Integer> samples = samples();
    for (int rank : samples) {
      ask.count(name + " = " + literal(rank), c.rowsWithin(rank, rank));
    }
    int first = samples.iterator().next();
    ask.count(name + " <> " + literal(first), c.rows - c.rowsWithin(first, first));
    String absent = Sql.absent(c);
    if (absent != null) {
      ask.count(name + " = " + absent, 0);
      ask.count(name + " <> " + absent, c.rows);
    }
    if (c.type != DataType.JSON) {
      // Pinot has no IN and no range on JSON.
      in(samples, absent);
      if (c.type != DataType.BOOLEAN) {
        ranges();
      }
    }
  }

  /** Ranks of the first, the middle and the last row, and of the least, the median and the greatest value. */
  private Set<Integer> samples() {
    int n = c.entries();
    int d = c.distinct.length;
    Set<Integer> ranks = new LinkedHashSet<>();
    ranks.add(c.ranks[0]);
    ranks.add(c.ranks[n / 2]);
    ranks.add(c.ranks[n - 1]);
    ranks.add(0);
    ranks.add(d / 2);
    ranks.add(d - 1);
    return ranks;
  }

  private String literal(int rank) {
    return Sql.literal(c.distinct[rank], c.type);
  }

  private void in(Set<Integer> samples, String absent) {
    List<String> literals = new ArrayList<>();
    for (int rank : samples) {
      literals.add(literal(rank));
    }
    if (absent != null) {
      literals.add(absent);
    }
    int expected = 0;
    for (int row = 0; row < c.rows; row++) {
      for (int i = c.start(row); i < c.end(row); i++) {
        if (samples.contains(c.ranks[i])) {
          expected++;
          break;
        }
      }
    }
    ask.count(name + " IN (" + String.join(", ", literals) + ")", expected);
    ask.count(name + " NOT IN (" + String.join(", ", literals) + ")", c.rows - expected);
  }

  private void ranges() {
    int last = c.distinct.length - 1;
    int mid = last / 2;
    count(name + " > " + literal(mid), c.rowsWithin(mid + 1, last));
    count(name + " >= " + literal(mid), c.rowsWithin(mid, last));
    count(name + " < " + literal(mid), c.rowsWithin(0, mid - 1));
    count(name + " <= " + literal(last), c.rows);
    if (c.single) {
      // Two bounds on a multi-value column are two predicates, met by any two of its values: BETWEEN is one.
      count(name + " > " + literal(0) + " AND " + name + " < " + literal(last), c.rowsWithin(1, last - 1));
    }
    count(name + " BETWEEN " + literal(last / 3) + " AND " + literal(2 * last / 3),
        c.rowsWithin(last / 3, 2 * last / 3));
  }

  private void count(String where, long expected) {
    if (ranged) {
      ask.countByIndex(where, expected);
    } else {
      ask.count(where, expected);
    }
  }
}
