package io.pinotage.bench;

import org.apache.pinot.spi.data.readers.GenericRow;

/** Lines of CSV of TPC-H's lineitem, whose last column alone may be quoted, as Pinot's rows. */
final class LineitemRows {
  private static final int LONGS = 3;
  private static final int DOUBLES = 8;

  private final String[] names;

  LineitemRows(String header) {
    this.names = header.split(",");
  }

  GenericRow row(String line) {
    GenericRow row = new GenericRow();
    int begin = 0;
    for (int i = 0; i < names.length; i++) {
      int end = i == names.length - 1 ? line.length() : line.indexOf(',', begin);
      row.putValue(names[i], value(i, line.substring(begin, end)));
      begin = end + 1;
    }
    return row;
  }

  private static Object value(int column, String text) {
    if (column < LONGS) {
      return Long.parseLong(text);
    }
    if (column == LONGS) {
      return Integer.parseInt(text);
    }
    return column < DOUBLES ? (Object) Double.parseDouble(text) : text;
  }
}
