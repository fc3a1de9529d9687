package io.pinotage.conformance;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.objects.Object2IntOpenHashMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.FieldSpec.DataType;

/**
 * All expected values of one column: the distinct values in ascending order (Java's order is Pinot's) and for every
 * entry the rank of its value. Ranks answer filters and group-bys by comparing ints, and are what dictionary ids must
 * be.
 */
final class ExpectedColumn {
  final FieldSpec spec;
  final String name;
  final DataType type;
  final DataType stored;
  final boolean single;
  final int rows;
  /** Distinct values, ascending. */
  final Comparable<?>[] distinct;
  /** Rank of each entry. */
  final int[] ranks;
  /** First entry of each row, and the end; null for single-value columns. */
  private final int[] starts;
  final BitSet nulls;

  private ExpectedColumn(Builder b, Comparable<?>[] distinct, int[] ranks) {
    this.spec = b.spec;
    this.name = spec.getName();
    this.type = spec.getDataType();
    this.stored = type.getStoredType();
    this.single = spec.isSingleValueField();
    this.rows = b.rows;
    this.distinct = distinct;
    this.ranks = ranks;
    this.starts = single ? null : b.starts.toIntArray();
    this.nulls = b.nulls;
  }

  int start(int row) {
    return single ? row : starts[row];
  }

  int end(int row) {
    return single ? row + 1 : starts[row + 1];
  }

  int entries() {
    return ranks.length;
  }

  Comparable<?> value(int entry) {
    return distinct[ranks[entry]];
  }

  /** Single-value and never descending. */
  boolean ascending() {
    if (!single) {
      return false;
    }
    for (int i = 1; i < ranks.length; i++) {
      if (ranks[i] < ranks[i - 1]) {
        return false;
      }
    }
    return true;
  }

  int longestRow() {
    int most = 0;
    for (int row = 0; row < rows; row++) {
      most = Math.max(most, end(row) - start(row));
    }
    return most;
  }

  boolean numeric() {
    return type != DataType.BOOLEAN && stored.isNumeric();
  }

  /** Number of rows with an entry whose rank is in the range, both ends included. */
  int rowsWithin(int lowest, int highest) {
    int count = 0;
    for (int row = 0; row < rows; row++) {
      for (int i = start(row), end = end(row); i < end; i++) {
        if (ranks[i] >= lowest && ranks[i] <= highest) {
          count++;
          break;
        }
      }
    }
    return count;
  }

  /** Rows that hold each rank, a row once: one array of docIds for each rank, ascending. */
  int[][] rowsByRank() {
    int[] counts = new int[distinct.length];
    int[] last = new int[distinct.length];
    Arrays.fill(last, -1);
    for (int row = 0; row < rows; row++) {
      for (int i = start(row), end = end(row); i < end; i++) {
        if (last[ranks[i]] != row) {
          last[ranks[i]] = row;
          counts[ranks[i]]++;
        }
      }
    }
    int[][] lists = new int[distinct.length][];
    for (int rank = 0; rank < lists.length; rank++) {
      lists[rank] = new int[counts[rank]];
    }
    Arrays.fill(counts, 0);
    Arrays.fill(last, -1);
    for (int row = 0; row < rows; row++) {
      for (int i = start(row), end = end(row); i < end; i++) {
        int rank = ranks[i];
        if (last[rank] != row) {
          last[rank] = row;
          lists[rank][counts[rank]++] = row;
        }
      }
    }
    return lists;
  }

  /** Collects a column row by row. */
  static final class Builder {
    final FieldSpec spec;
    private final Object2IntOpenHashMap<Object> seen = new Object2IntOpenHashMap<>();
    private final List<Comparable<?>> values = new ArrayList<>();
    private final IntArrayList ids = new IntArrayList();
    private final IntArrayList starts = new IntArrayList();
    private final BitSet nulls = new BitSet();
    private int rows;

    Builder(FieldSpec spec) {
      this.spec = spec;
      seen.defaultReturnValue(-1);
      starts.add(0);
    }

    void add(Comparable<?> value) {
      Object key = StoredValue.key(value);
      int id = seen.getInt(key);
      if (id < 0) {
        id = values.size();
        seen.put(key, id);
        values.add(value);
      }
      ids.add(id);
    }

    int row() {
      return rows;
    }

    void endRow() {
      rows++;
      if (!spec.isSingleValueField()) {
        starts.add(ids.size());
      }
    }

    void setNull(int row) {
      nulls.set(row);
    }

    @SuppressWarnings("unchecked")
    ExpectedColumn build() {
      seen.clear();
      seen.trim();
      Integer[] order = new Integer[values.size()];
      for (int i = 0; i < order.length; i++) {
        order[i] = i;
      }
      Arrays.sort(order, (a, b) -> ((Comparator<Object>) (Comparator<?>) Comparator.naturalOrder())
          .compare(values.get(a), values.get(b)));
      Comparable<?>[] distinct = new Comparable<?>[order.length];
      int[] rankOf = new int[order.length];
      for (int rank = 0; rank < order.length; rank++) {
        distinct[rank] = values.get(order[rank]);
        rankOf[order[rank]] = rank;
      }
      int[] ranks = new int[ids.size()];
      for (int i = 0; i < ranks.length; i++) {
        ranks[i] = rankOf[ids.getInt(i)];
      }
      return new ExpectedColumn(this, distinct, ranks);
    }
  }
}
