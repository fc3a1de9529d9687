package io.pinotage.conformance;

import java.math.BigDecimal;
import org.apache.pinot.segment.spi.datasource.DataSource;
import org.apache.pinot.segment.spi.index.FieldIndexConfigs;
import org.apache.pinot.segment.spi.index.StandardIndexes;
import org.apache.pinot.segment.spi.index.reader.BloomFilterReader;
import org.apache.pinot.segment.spi.index.reader.Dictionary;
import org.apache.pinot.segment.spi.index.reader.InvertedIndexReader;
import org.apache.pinot.segment.spi.index.reader.RangeIndexReader;
import org.apache.pinot.segment.spi.index.reader.SortedIndexReader;
import org.apache.pinot.spi.utils.ByteArray;
import org.apache.pinot.spi.utils.Pairs;
import org.roaringbitmap.IntIterator;
import org.roaringbitmap.buffer.ImmutableRoaringBitmap;

/**
 * The dictionary and the secondary indexes of one column, entry by entry, through Pinot's readers ({@link Dictionary},
 * {@link InvertedIndexReader}, {@link SortedIndexReader}, {@link RangeIndexReader}, {@link BloomFilterReader}).
 */
final class IndexCheck {
  private final DataSource source;
  private final FieldIndexConfigs configs;
  private final ExpectedColumn column;
  private final Report report;
  private final String name;

  IndexCheck(DataSource source, FieldIndexConfigs configs, ExpectedColumn column, Report report) {
    this.source = source;
    this.configs = configs;
    this.column = column;
    this.report = report;
    this.name = column.name;
  }

  void run() {
    Dictionary dictionary = source.getDictionary();
    if (dictionary != null) {
      dictionary(dictionary);
    }
    inverted(dictionary);
    range(dictionary);
    bloom();
  }

  private void dictionary(Dictionary d) {
    report.that(d.isSorted(), name + ": the dictionary is not sorted");
    report.equal(name + ": stored type of the dictionary", column.stored, d.getValueType());
    report.equal(name + ": dictionary length", column.distinct.length, d.length());
    int wrong = 0;
    for (int id = 0; id < Math.min(d.length(), column.distinct.length) && wrong < 5; id++) {
      Comparable<?> expected = column.distinct[id];
      Object found = StoredValue.of(d.get(id));
      if (!StoredValue.same(expected, found)) {
        wrong++;
        report.fail(name + ": dictionary id " + id + ": expected " + StoredValue.text(expected) + ", found "
            + StoredValue.text(found));
      } else if (indexOf(d, expected) != id) {
        wrong++;
        report.fail(name + ": indexOf(" + StoredValue.text(expected) + "): expected " + id + ", found "
            + indexOf(d, expected));
      } else if (d.indexOf(StoredValue.text(expected)) != id) {
        wrong++;
        report.fail(name + ": indexOf of the text " + StoredValue.text(expected) + ": expected " + id + ", found "
            + d.indexOf(StoredValue.text(expected)));
      }
    }
    report.checked(3L * column.distinct.length);
  }

  private static int indexOf(Dictionary d, Object value) {
    if (value instanceof Integer) {
      return d.indexOf((int) (Integer) value);
    }
    if (value instanceof Long) {
      return d.indexOf((long) (Long) value);
    }
    if (value instanceof Float) {
      return d.indexOf((float) (Float) value);
    }
    if (value instanceof Double) {
      return d.indexOf((double) (Double) value);
    }
    if (value instanceof BigDecimal) {
      return d.indexOf((BigDecimal) value);
    }
    if (value instanceof ByteArray) {
      return d.indexOf((ByteArray) value);
    }
    return d.indexOf((String) value);
  }

  private void inverted(Dictionary dictionary) {
    InvertedIndexReader<?> index = source.getInvertedIndex();
    if (configs.getConfig(StandardIndexes.inverted()).isEnabled()) {
      report.that(index != null, name + ": the configured inverted index is missing");
    }
    if (dictionary != null && column.ascending() && source.getDataSourceMetadata().isSorted()) {
      report.that(index instanceof SortedIndexReader, name + ": the column is sorted, its forward index is not");
    }
    if (index == null) {
      return;
    }
    int[][] expected = column.rowsByRank();
    int wrong = 0;
    for (int id = 0; id < expected.length && wrong < 5; id++) {
      Object found = index.getDocIds(id);
      boolean same = found instanceof Pairs.IntPair ? sameRange(expected[id], (Pairs.IntPair) found)
          : sameBitmap(expected[id], (ImmutableRoaringBitmap) found);
      if (!same) {
        wrong++;
        report.fail(name + ": rows of dictionary id " + id + ": expected " + expected[id].length + " rows from "
            + expected[id][0] + ", found " + found);
      }
    }
    report.checked(expected.length);
  }

  private static boolean sameRange(int[] rows, Pairs.IntPair found) {
    return found.getLeft() == rows[0] && found.getRight() == rows[rows.length - 1]
        && found.getRight() - found.getLeft() + 1 == rows.length;
  }

  private static boolean sameBitmap(int[] rows, ImmutableRoaringBitmap found) {
    if (found.getCardinality() != rows.length) {
      return false;
    }
    IntIterator it = found.getIntIterator();
    for (int row : rows) {
      if (it.next() != row) {
        return false;
      }
    }
    return true;
  }

  private void range(Dictionary dictionary) {
    RangeIndexReader<?> index = source.getRangeIndex();
    if (configs.getConfig(StandardIndexes.range()).isEnabled() && !source.getDataSourceMetadata().isSorted()) {
      report.that(index != null, name + ": the configured range index is missing");
    }
    if (index == null || !index.isExact()) {
      return;
    }
    int n = column.distinct.length;
    int[][] ranges = {{0, n - 1}, {0, n / 2}, {n / 2, n - 1}, {n / 3, 2 * n / 3}, {n - 1, n - 1}};
    for (int[] r : ranges) {
      int found = dictionary != null ? index.getNumMatchingDocs(r[0], r[1])
          : matching(index, column.distinct[r[0]], column.distinct[r[1]]);
      String what = name + ": rows in the range of ranks " + r[0] + " to " + r[1] + " by the range index";
      int expected = column.rowsWithin(r[0], r[1]);
      report.equal(what, expected, found);
      Object rows = dictionary != null ? index.getMatchingDocIds(r[0], r[1])
          : matchingRows(index, column.distinct[r[0]], column.distinct[r[1]]);
      report.equal(what + " that are the right ones", expected, rightRows((ImmutableRoaringBitmap) rows, r[0], r[1]));
    }
  }

  private static int matching(RangeIndexReader<?> index, Object low, Object high) {
    if (low instanceof Integer) {
      return index.getNumMatchingDocs((int) (Integer) low, (int) (Integer) high);
    }
    if (low instanceof Long) {
      return index.getNumMatchingDocs((long) (Long) low, (long) (Long) high);
    }
    if (low instanceof Float) {
      return index.getNumMatchingDocs((float) (Float) low, (float) (Float) high);
    }
    return index.getNumMatchingDocs((double) (Double) low, (double) (Double) high);
  }

  private static Object matchingRows(RangeIndexReader<?> index, Object low, Object high) {
    if (low instanceof Integer) {
      return index.getMatchingDocIds((int) (Integer) low, (int) (Integer) high);
    }
    if (low instanceof Long) {
      return index.getMatchingDocIds((long) (Long) low, (long) (Long) high);
    }
    if (low instanceof Float) {
      return index.getMatchingDocIds((float) (Float) low, (float) (Float) high);
    }
    return index.getMatchingDocIds((double) (Double) low, (double) (Double) high);
  }

  /** How many of the found rows really hold a value of the range. */
  private int rightRows(ImmutableRoaringBitmap found, int low, int high) {
    int right = 0;
    IntIterator it = found.getIntIterator();
    while (it.hasNext()) {
      int row = it.next();
      boolean holds = false;
      for (int i = row < column.rows ? column.start(row) : Integer.MAX_VALUE; i < column.entries(); i++) {
        if (i == column.end(row)) {
          break;
        }
        holds |= column.ranks[i] >= low && column.ranks[i] <= high;
      }
      right += holds ? 1 : 0;
    }
    return right;
  }

  private void bloom() {
    BloomFilterReader bloom = source.getBloomFilter();
    if (configs.getConfig(StandardIndexes.bloomFilter()).isEnabled()) {
      report.that(bloom != null, name + ": the configured bloom filter is missing");
    }
    if (bloom == null) {
      return;
    }
    for (Comparable<?> value : column.distinct) {
      if (!bloom.mightContain(StoredValue.text(value))) {
        report.fail(name + ": the bloom filter denies " + StoredValue.text(value));
        break;
      }
    }
    report.checked(column.distinct.length);
    int falsely = 0;
    for (int i = 0; i < 1000; i++) {
      if (bloom.mightContain("no such value " + i)) {
        falsely++;
      }
    }
    report.that(falsely < 500, name + ": the bloom filter lets " + falsely + " of 1000 absent values through");
  }
}
