package io.pinotage.conformance;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/** COUNT(*) of the rows in which a key of a map has a value. */
final class MapQueries {
  private final Asker ask;
  private final ExpectedColumn c;

  MapQueries(Asker ask, ExpectedColumn column) {
    this.ask = ask;
    this.c = column;
  }

  void run() {
    Map<String, Map<String, Integer>> texts = new TreeMap<>();
    try {
      for (int row = 0; row < c.rows; row++) {
        for (Map.Entry<String, Object> entry : StoredValue.map(c.distinct[c.ranks[row]]).entrySet()) {
          // Where a key is not there, Pinot reads the text null.
          boolean isText = entry.getValue() instanceof String && !entry.getValue().equals("null");
          if (isText && !((String) entry.getValue()).contains("'")) {
            texts.computeIfAbsent(entry.getKey(), key -> new TreeMap<>())
                .merge((String) entry.getValue(), 1, Integer::sum);
          }
        }
      }
    } catch (IOException e) {
      ask.wrong(c.name + ": " + e);
    }
    texts.forEach((key, counts) -> counts.forEach((text, count) ->
        ask.count(Sql.name(c.name) + "['" + key + "'] = '" + text + "'", count)));
  }
}
