package io.pinotage.segments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.datasource.DataSource;
import org.apache.pinot.segment.spi.index.reader.BloomFilterReader;
import org.apache.pinot.segment.spi.index.reader.Dictionary;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReader;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReaderContext;
import org.apache.pinot.segment.spi.index.reader.InvertedIndexReader;
import org.apache.pinot.segment.spi.index.reader.JsonIndexReader;
import org.apache.pinot.segment.spi.index.reader.RangeIndexReader;
import org.apache.pinot.segment.spi.index.reader.TextIndexReader;
import org.apache.pinot.spi.utils.Pairs;
import org.roaringbitmap.buffer.ImmutableRoaringBitmap;
import org.roaringbitmap.buffer.MutableRoaringBitmap;

/** Every index of a segment, against a walk over the forward index. */
final class IndexCheck {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SOME = 12;
  private static final int NEAR = 5;

  final List<String> wrong = new ArrayList<>();
  private final IndexSegment segment;
  private final int docs;

  IndexCheck(IndexSegment segment) {
    this.segment = segment;
    docs = segment.getSegmentMetadata().getTotalDocs();
  }

  /** The names of the column's indexes, as in the index map. */
  List<String> column(String name) throws Exception {
    DataSource source = segment.getDataSource(name);
    List<String> has = new ArrayList<>();
    try (Walk walk = new Walk(source)) {
      if (source.getInvertedIndex() != null) {
        has.add("inverted_index");
        inverted(name, source.getInvertedIndex(), walk);
      }
      if (source.getRangeIndex() != null) {
        has.add("range_index");
        range(name, source.getRangeIndex(), walk);
      }
      if (source.getBloomFilter() != null) {
        has.add("bloom_filter");
        bloom(name, source.getBloomFilter(), walk);
      }
      if (source.getJsonIndex() != null) {
        has.add("json_index");
        json(name, source.getJsonIndex(), walk);
      }
      if (source.getNullValueVector() != null) {
        has.add("nullvalue_vector");
      }
      if (source.getTextIndex() != null) {
        has.add("text_index");
        text(name, source.getTextIndex(), walk);
      }
      if (source.getFSTIndex() != null) {
        has.add("fst_index");
        automaton(name, source.getFSTIndex(), walk);
      }
      Object vectors = vectors(source);
      if (vectors != null) {
        has.add("vector_index");
        vectors(name, vectors, walk);
      }
    }
    return has;
  }

  private MutableRoaringBitmap where(IntPredicate holds) {
    MutableRoaringBitmap rows = new MutableRoaringBitmap();
    for (int doc = 0; doc < docs; doc++) {
      if (holds.test(doc)) {
        rows.add(doc);
      }
    }
    return rows;
  }

  private void same(String what, ImmutableRoaringBitmap expected, ImmutableRoaringBitmap found) {
    if (!expected.equals(found)) {
      wrong.add(what + ": " + found.getCardinality() + " rows, expected " + expected.getCardinality());
    }
  }

  private void inverted(String name, InvertedIndexReader<?> index, Walk walk) {
    MutableRoaringBitmap[] expected = new MutableRoaringBitmap[walk.dictionary.length()];
    for (int id = 0; id < expected.length; id++) {
      expected[id] = new MutableRoaringBitmap();
    }
    for (int doc = 0; doc < docs; doc++) {
      for (int id : walk.ids(doc)) {
        expected[id].add(doc);
      }
    }
    for (int id = 0; id < expected.length; id++) {
      Object found = index.getDocIds(id);
      if (found instanceof Pairs.IntPair) {
        Pairs.IntPair range = (Pairs.IntPair) found;
        MutableRoaringBitmap rows = new MutableRoaringBitmap();
        rows.add(range.getLeft(), range.getRight() + 1L);
        found = rows;
      }
      same(name + " by the inverted index, id " + id, expected[id], (ImmutableRoaringBitmap) found);
    }
  }

  private void range(String name, RangeIndexReader<?> index, Walk walk) {
    for (int at = 0; at < SOME; at++) {
      // Pairs of rows give the bounds. Ranges of one value are not asked of this index by old releases, which get some wrong.
      int first = (at * 977 + 1) % docs;
      int second = (at * at * 31 + 4) % docs;
      ImmutableRoaringBitmap whole;
      ImmutableRoaringBitmap perhaps;
      MutableRoaringBitmap expected;
      if (walk.dictionary != null) {
        int low = Math.min(walk.ids(first)[0], walk.ids(second)[0]);
        int high = Math.max(walk.ids(first)[0], walk.ids(second)[0]);
        whole = (ImmutableRoaringBitmap) index.getMatchingDocIds(low, high);
        perhaps = (ImmutableRoaringBitmap) index.getPartiallyMatchingDocIds(low, high);
        expected = where(doc -> Arrays.stream(walk.ids(doc)).anyMatch(id -> id >= low && id <= high));
      } else {
        Number a = walk.number(first);
        Number b = walk.number(second);
        Number low = a.doubleValue() < b.doubleValue() ? a : b;
        Number high = low == a ? b : a;
        expected = where(doc -> walk.number(doc).doubleValue() >= low.doubleValue() && walk.number(doc).doubleValue() <= high.doubleValue());
        if (low instanceof Integer) {
          whole = (ImmutableRoaringBitmap) index.getMatchingDocIds(low.intValue(), high.intValue());
          perhaps = (ImmutableRoaringBitmap) index.getPartiallyMatchingDocIds(low.intValue(), high.intValue());
        } else if (low instanceof Long) {
          whole = (ImmutableRoaringBitmap) index.getMatchingDocIds(low.longValue(), high.longValue());
          perhaps = (ImmutableRoaringBitmap) index.getPartiallyMatchingDocIds(low.longValue(), high.longValue());
        } else if (low instanceof Float) {
          whole = (ImmutableRoaringBitmap) index.getMatchingDocIds(low.floatValue(), high.floatValue());
          perhaps = (ImmutableRoaringBitmap) index.getPartiallyMatchingDocIds(low.floatValue(), high.floatValue());
        } else {
          whole = (ImmutableRoaringBitmap) index.getMatchingDocIds(low.doubleValue(), high.doubleValue());
          perhaps = (ImmutableRoaringBitmap) index.getPartiallyMatchingDocIds(low.doubleValue(), high.doubleValue());
        }
      }
      // Version 1 only says which rows to look at for both ends of the range.
      MutableRoaringBitmap found = whole == null ? new MutableRoaringBitmap() : whole.toMutableRoaringBitmap();
      if (ImmutableRoaringBitmap.andNotCardinality(found, expected) > 0) {
        wrong.add(name + " by the range index: rows that are not in the range");
      }
      if (perhaps != null) {
        MutableRoaringBitmap looked = perhaps.toMutableRoaringBitmap();
        looked.and(expected);
        found.or(looked);
      }
      same(name + " by the range index, rows " + first + " and " + second, expected, found);
    }
  }

  private void bloom(String name, BloomFilterReader filter, Walk walk) {
    for (int doc = 0; doc < docs; doc++) {
      if (!filter.mightContain(walk.text(doc))) {
        wrong.add(name + ": the bloom filter denies " + walk.text(doc));
        return;
      }
    }
    int passed = 0;
    for (int i = 0; i < 1000; i++) {
      passed += filter.mightContain("no such value " + i) ? 1 : 0;
    }
    if (passed > 300) {
      wrong.add(name + ": the bloom filter lets " + passed + " of 1000 absent values pass");
    }
  }

  /** Scalars that are fields of the document, or of the objects in a list of it. */
  private void json(String name, JsonIndexReader index, Walk walk) throws IOException {
    Map<String, MutableRoaringBitmap> expected = new TreeMap<>();
    for (int doc = 0; doc < docs; doc++) {
      for (Map.Entry<String, JsonNode> field : (Iterable<Map.Entry<String, JsonNode>>) JSON.readTree(walk.text(doc))::fields) {
        if (!field.getValue().isContainerNode()) {
          add(expected, field.getKey(), field.getValue(), doc);
        }
        for (JsonNode element : field.getValue().isArray() ? field.getValue() : JSON.createArrayNode()) {
          for (Map.Entry<String, JsonNode> inner : (Iterable<Map.Entry<String, JsonNode>>) element::fields) {
            add(expected, field.getKey() + "[*]." + inner.getKey(), inner.getValue(), doc);
          }
        }
      }
    }
    for (Map.Entry<String, MutableRoaringBitmap> one : expected.entrySet()) {
      same(name + " by the JSON index, " + one.getKey(), one.getValue(), index.getMatchingDocIds(one.getKey()));
    }
  }

  private static void add(Map<String, MutableRoaringBitmap> expected, String path, JsonNode value, int doc) {
    String filter = "\"$." + path + "\"='" + value.asText() + "'";
    expected.computeIfAbsent(filter, key -> new MutableRoaringBitmap()).add(doc);
  }

  /** Rows that have two words of a row. */
  private void text(String name, TextIndexReader index, Walk walk) {
    List<Set<String>> words = new ArrayList<>();
    for (int doc = 0; doc < docs; doc++) {
      words.add(Set.of(Arrays.stream(walk.text(doc).split(" ")).distinct().toArray(String[]::new)));
    }
    for (int at = 0; at < SOME; at++) {
      String[] two = words.get((at * 977 + 1) % docs).stream().sorted().limit(2).toArray(String[]::new);
      MutableRoaringBitmap expected = where(doc -> words.get(doc).containsAll(List.of(two)));
      String query = String.join(" AND ", two);
      same(name + " by the text index, " + query, expected, index.getDocIds(query));
    }
  }

  /** Values that begin as a value does. */
  private void automaton(String name, TextIndexReader index, Walk walk) {
    for (int at = 0; at < SOME; at++) {
      String value = walk.text((at * 977 + 1) % docs);
      String prefix = value.substring(0, value.length() - 1);
      MutableRoaringBitmap expected = new MutableRoaringBitmap();
      for (int id = 0; id < walk.dictionary.length(); id++) {
        if (walk.dictionary.getStringValue(id).startsWith(prefix)) {
          expected.add(id);
        }
      }
      same(name + " by the FST index, " + prefix, expected, index.getDictIds(prefix + ".*"));
    }
  }

  /** None before 1.1, which has no such method. */
  private static Object vectors(DataSource source) throws ReflectiveOperationException {
    try {
      return DataSource.class.getMethod("getVectorIndex").invoke(source);
    } catch (NoSuchMethodException e) {
      return null;
    }
  }

  /** A row's own vector is among those next to it; the index does not promise the others. */
  private void vectors(String name, Object index, Walk walk) throws ReflectiveOperationException {
    Method near = Class.forName("org.apache.pinot.segment.spi.index.reader.VectorIndexReader").getMethod("getDocIds", float[].class, int.class);
    for (int at = 0; at < SOME; at++) {
      int doc = (at * 977 + 1) % docs;
      int[] ids = walk.ids(doc);
      float[] vector = new float[ids.length];
      for (int i = 0; i < ids.length; i++) {
        vector[i] = walk.dictionary.getFloatValue(ids[i]);
      }
      ImmutableRoaringBitmap found = (ImmutableRoaringBitmap) near.invoke(index, vector, NEAR);
      if (found.getCardinality() != NEAR || !found.contains(doc)) {
        wrong.add(name + " by the vector index: rows " + found + " next to row " + doc);
      }
    }
  }

  /** The values of a column, row by row. */
  private static final class Walk implements AutoCloseable {
    final Dictionary dictionary;
    private final ForwardIndexReader<ForwardIndexReaderContext> forward;
    private final ForwardIndexReaderContext context;
    private final int[] buffer;

    @SuppressWarnings("unchecked")
    Walk(DataSource source) {
      dictionary = source.getDictionary();
      forward = (ForwardIndexReader<ForwardIndexReaderContext>) source.getForwardIndex();
      context = forward.createContext();
      buffer = new int[Math.max(0, source.getDataSourceMetadata().getMaxNumValuesPerMVEntry())];
    }

    int[] ids(int doc) {
      if (forward.isSingleValue()) {
        return new int[]{forward.getDictId(doc, context)};
      }
      return Arrays.copyOf(buffer, forward.getDictIdMV(doc, buffer, context));
    }

    Number number(int doc) {
      switch (forward.getStoredType()) {
        case INT:
          return forward.getInt(doc, context);
        case LONG:
          return forward.getLong(doc, context);
        case FLOAT:
          return forward.getFloat(doc, context);
        default:
          return forward.getDouble(doc, context);
      }
    }

    String text(int doc) {
      if (dictionary != null) {
        return dictionary.getStringValue(ids(doc)[0]);
      }
      return forward.getStoredType().isNumeric() ? number(doc).toString() : forward.getString(doc, context);
    }

    @Override
    public void close() throws IOException {
      if (context != null) {
        context.close();
      }
    }
  }
}
