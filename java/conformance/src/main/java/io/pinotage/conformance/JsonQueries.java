package io.pinotage.conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.apache.pinot.segment.spi.index.reader.JsonIndexReader;
import org.roaringbitmap.RoaringBitmap;

/**
 * JSON_MATCH by SQL and by the column's {@link JsonIndexReader}: scalars that are direct fields or elements of direct
 * arrays.
 */
final class JsonQueries {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST = 200;

  private final Asker ask;
  private final ExpectedColumn c;

  JsonQueries(Asker ask, ExpectedColumn column) {
    this.ask = ask;
    this.c = column;
  }

  void run(JsonIndexReader index) {
    int[][] rows = c.rowsByRank();
    Map<String, RoaringBitmap> expected = new LinkedHashMap<>();
    for (int rank = 0; rank < rows.length && expected.size() < MOST; rank++) {
      for (String predicate : predicates((String) c.distinct[rank])) {
        expected.put(predicate, new RoaringBitmap());
      }
    }
    for (int rank = 0; rank < rows.length; rank++) {
      for (String predicate : predicates((String) c.distinct[rank])) {
        RoaringBitmap bitmap = expected.get(predicate);
        if (bitmap != null) {
          bitmap.add(rows[rank]);
        }
      }
    }
    expected.forEach((predicate, bitmap) -> {
      ask.count("JSON_MATCH(" + Sql.name(c.name) + ", '" + predicate.replace("'", "''") + "')",
          bitmap.getCardinality());
      if (!index.getMatchingDocIds(predicate).toRoaringBitmap().equals(bitmap)) {
        ask.wrong(c.name + ": the JSON index has other rows than expected for " + predicate);
      }
    });
  }

  private static Set<String> predicates(String text) {
    Set<String> found = new LinkedHashSet<>();
    JsonNode node;
    try {
      node = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      return found;
    }
    Iterator<Map.Entry<String, JsonNode>> fields = node.fields();
    while (fields.hasNext()) {
      Map.Entry<String, JsonNode> field = fields.next();
      String key = field.getKey();
      if (!key.matches("\\w+")) {
        continue;
      }
      if (field.getValue().isArray()) {
        field.getValue().forEach(element -> add(found, "$." + key + "[*]", element));
      } else {
        add(found, "$." + key, field.getValue());
      }
    }
    return found;
  }

  private static void add(Set<String> found, String path, JsonNode value) {
    if (value.isValueNode() && !value.isNull() && !value.asText().isEmpty()) {
      found.add('"' + path + "\"='" + value.asText().replace("'", "''") + '\'');
    }
  }
}
