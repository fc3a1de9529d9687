package io.pinotage.conformance;

import java.io.IOException;
import java.util.Arrays;
import org.apache.pinot.segment.local.segment.readers.PinotSegmentColumnReader;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.index.reader.NullValueVectorReader;

/** Every cell and every null of a column, read through {@link PinotSegmentColumnReader}. */
final class CellCheck {
  private CellCheck() {
  }

  static void run(IndexSegment segment, ExpectedColumn column, Report report) throws IOException {
    int wrong = 0;
    try (PinotSegmentColumnReader reader = new PinotSegmentColumnReader(segment, column.name)) {
      report.equal(column.name + " single-value", column.single, reader.isSingleValue());
      for (int row = 0; row < column.rows && wrong < 20; row++) {
        Object found = reader.getValue(row);
        if (!same(column, row, found)) {
          wrong++;
          report.fail("cell of row " + row + " column " + column.name + ": expected " + expected(column, row)
              + ", found " + shown(found));
        }
        if (reader.isNull(row) != column.nulls.get(row)) {
          wrong++;
          report.fail("null of row " + row + " column " + column.name + ": expected " + column.nulls.get(row)
              + ", found " + reader.isNull(row));
        }
      }
    }
    report.checked(column.entries() + (long) column.rows);
    NullValueVectorReader vector = segment.getDataSource(column.name).getNullValueVector();
    int found = vector == null ? 0 : vector.getNullBitmap().getCardinality();
    report.equal("number of nulls in column " + column.name, column.nulls.cardinality(), found);
  }

  private static boolean same(ExpectedColumn column, int row, Object found) {
    int start = column.start(row);
    if (column.single) {
      return StoredValue.same(column.value(start), StoredValue.of(found));
    }
    Object[] values = (Object[]) found;
    if (values.length != column.end(row) - start) {
      return false;
    }
    for (int i = 0; i < values.length; i++) {
      if (!StoredValue.same(column.value(start + i), StoredValue.of(values[i]))) {
        return false;
      }
    }
    return true;
  }

  private static String expected(ExpectedColumn column, int row) {
    if (column.single) {
      return StoredValue.text(column.value(row));
    }
    String[] texts = new String[column.end(row) - column.start(row)];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = StoredValue.text(column.value(column.start(row) + i));
    }
    return Arrays.toString(texts);
  }

  private static String shown(Object found) {
    if (found instanceof Object[]) {
      String[] texts = Arrays.stream((Object[]) found).map(v -> StoredValue.text(StoredValue.of(v)))
          .toArray(String[]::new);
      return Arrays.toString(texts);
    }
    return StoredValue.text(StoredValue.of(found));
  }
}
