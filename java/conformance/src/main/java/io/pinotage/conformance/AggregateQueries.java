package io.pinotage.conformance;

import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.pinot.spi.data.FieldSpec.DataType;

/** DISTINCTCOUNT, MIN, MAX, SUM, COUNT and GROUP BY of one column, in the MV forms for multi-value columns. */
final class AggregateQueries {
  private static final int FEW = 1000;

  private final Asker ask;
  private final ExpectedColumn c;
  private final String name;
  private final String mv;
  private final boolean dictionary;

  AggregateQueries(Asker ask, ExpectedColumn column, boolean dictionary) {
    this.ask = ask;
    this.c = column;
    this.name = Sql.name(column.name);
    this.mv = column.single ? "" : "MV";
    this.dictionary = dictionary;
  }

  void run() {
    boolean rawBytesLists = !dictionary && !c.single && c.stored == DataType.BYTES;
    if (c.stored != DataType.BIG_DECIMAL && !rawBytesLists) {
      // Pinot refuses DISTINCTCOUNT of BIG_DECIMAL, and to count or group raw multi-value BYTES.
      ask.same(select("DISTINCTCOUNT"), c.distinct.length);
    }
    if (!c.single) {
      ask.same(select("COUNT"), (long) c.entries());
    }
    if (c.numeric()) {
      numbers();
    }
    if (c.distinct.length <= FEW && !rawBytesLists) {
      groups();
    }
  }

  private String select(String function) {
    return "SELECT " + function + mv + "(" + name + ") FROM " + ask.table;
  }

  private void numbers() {
    double least = number(c.distinct[0]);
    double greatest = number(c.distinct[c.distinct.length - 1]);
    ask.close(select("MIN"), least, Math.abs(least));
    ask.close(select("MAX"), greatest, Math.abs(greatest));
    double sum = 0;
    double magnitude = 0;
    BigDecimal exact = BigDecimal.ZERO;
    for (int i = 0; i < c.entries(); i++) {
      double value = number(c.value(i));
      sum += value;
      magnitude += Math.abs(value);
      if (c.stored == DataType.BIG_DECIMAL) {
        exact = exact.add((BigDecimal) c.value(i));
      }
    }
    ask.close(select("SUM"), sum, magnitude);
    if (c.stored == DataType.BIG_DECIMAL && c.single) {
      List<Object[]> rows = ask.rows(select("SUMPRECISION"));
      if (rows != null && new BigDecimal(String.valueOf(rows.get(0)[0])).compareTo(exact) != 0) {
        ask.wrong(select("SUMPRECISION") + ": expected " + exact + ", found " + rows.get(0)[0]);
      }
    }
  }

  private static double number(Object value) {
    return ((Number) value).doubleValue();
  }

  private void groups() {
    int[] counts = new int[c.distinct.length];
    for (int rank : c.ranks) {
      counts[rank]++;
    }
    Map<String, Long> expected = new HashMap<>();
    for (int rank = 0; rank < counts.length; rank++) {
      expected.put(StoredValue.brokerText(c.distinct[rank], c.type), (long) counts[rank]);
    }
    String sql = "SELECT " + name + ", COUNT(*) FROM " + ask.table + " GROUP BY " + name + " LIMIT 100000";
    List<Object[]> rows = ask.rows(sql);
    if (rows == null) {
      return;
    }
    Map<String, Long> found = new HashMap<>();
    for (Object[] row : rows) {
      found.merge(SelectQueries.normal(row[0], c.type), ((Number) row[1]).longValue(), Long::sum);
    }
    for (Map.Entry<String, Long> group : expected.entrySet()) {
      if (!group.getValue().equals(found.get(group.getKey()))) {
        ask.wrong(sql + ": group " + group.getKey() + ": expected " + group.getValue() + ", found "
            + found.get(group.getKey()));
        return;
      }
    }
    if (found.size() != expected.size()) {
      ask.wrong(sql + ": expected " + expected.size() + " groups, found " + found.size());
    }
  }
}
