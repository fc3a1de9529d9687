package io.pinotage.bench;

import java.io.File;
import java.util.Set;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.data.readers.RecordReader;
import org.apache.pinot.spi.data.readers.RecordReaderConfig;

/** Serves {@link Columns} to Pinot's segment build, as often as it rewinds. */
final class ColumnsReader implements RecordReader {
  private static final long serialVersionUID = 1L;

  private final transient Columns columns;
  private int row;

  ColumnsReader(Columns columns) {
    this.columns = columns;
  }

  @Override
  public void init(File dataFile, Set<String> fields, RecordReaderConfig config) {
    throw new UnsupportedOperationException("constructed with its columns");
  }

  @Override
  public boolean hasNext() {
    return row < columns.rows;
  }

  @Override
  public GenericRow next(GenericRow reuse) {
    columns.fill(row++, reuse);
    return reuse;
  }

  @Override
  public void rewind() {
    row = 0;
  }

  @Override
  public void close() {
    // nothing is open
  }
}
