package io.pinotage.bench;

import java.io.File;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.LocalDate;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.column.impl.ColumnReadStoreImpl;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.FieldSpec.DataType;
import org.apache.pinot.spi.data.Schema;

/**
 * Loads the columns of a flat Parquet file that a Pinot schema names, as values that Pinot takes without conversion:
 * decimals as DOUBLE where the column is one, dates as text, days or milliseconds, timestamps as milliseconds.
 *
 * <p>Drives parquet-hadoop's {@link ParquetFileReader} and parquet-column's {@link ColumnReader}.
 */
final class ParquetColumns {
  private static final int INTERNED = 100_000;

  private ParquetColumns() {
  }

  static Columns load(File file, Schema schema) throws IOException {
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file.toPath()))) {
      MessageType type = reader.getFileMetaData().getSchema();
      Columns columns = new Columns(Math.toIntExact(reader.getRecordCount()));
      Map<String, Map<String, String>> interned = new HashMap<>();
      for (ColumnDescriptor descriptor : type.getColumns()) {
        FieldSpec spec = descriptor.getPath().length == 1 ? schema.getFieldSpecFor(descriptor.getPath()[0]) : null;
        if (spec != null) {
          columns.columns.add(new Columns.Column(spec.getName(), array(spec.getDataType(), columns.rows),
              new BitSet()));
          interned.put(spec.getName(), new HashMap<>());
        }
      }
      int first = 0;
      for (PageReadStore group = reader.readNextRowGroup(); group != null; group = reader.readNextRowGroup()) {
        ColumnReadStoreImpl store =
            new ColumnReadStoreImpl(group, new Nothing(), type, reader.getFileMetaData().getCreatedBy());
        int rows = Math.toIntExact(group.getRowCount());
        for (Columns.Column column : columns.columns) {
          ColumnDescriptor descriptor = type.getColumnDescription(new String[]{column.name});
          read(store.getColumnReader(descriptor), descriptor, schema.getFieldSpecFor(column.name).getDataType(),
              column, first, rows, interned.get(column.name));
        }
        first += rows;
      }
      return columns;
    }
  }

  private static Object array(DataType type, int rows) {
    switch (type) {
      case INT:
        return new int[rows];
      case LONG:
      case TIMESTAMP:
        return new long[rows];
      case FLOAT:
        return new float[rows];
      case DOUBLE:
        return new double[rows];
      default:
        return new Object[rows];
    }
  }

  private static void read(ColumnReader reader, ColumnDescriptor descriptor, DataType target, Columns.Column column,
      int first, int rows, Map<String, String> interned) {
    for (int row = first; row < first + rows; row++, reader.consume()) {
      if (reader.getCurrentDefinitionLevel() < descriptor.getMaxDefinitionLevel()) {
        column.nulls.set(row);
        continue;
      }
      Object value = value(reader, descriptor.getPrimitiveType(), target);
      if (column.array instanceof int[]) {
        ((int[]) column.array)[row] = ((Number) value).intValue();
      } else if (column.array instanceof long[]) {
        ((long[]) column.array)[row] = ((Number) value).longValue();
      } else if (column.array instanceof float[]) {
        ((float[]) column.array)[row] = ((Number) value).floatValue();
      } else if (column.array instanceof double[]) {
        ((double[]) column.array)[row] = ((Number) value).doubleValue();
      } else {
        ((Object[]) column.array)[row] = value instanceof String && interned.size() < INTERNED
            ? interned.computeIfAbsent((String) value, s -> s) : value;
      }
    }
  }

  private static Object value(ColumnReader reader, PrimitiveType type, DataType target) {
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    if (logical instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation) {
      int scale = ((LogicalTypeAnnotation.DecimalLogicalTypeAnnotation) logical).getScale();
      return new BigDecimal(unscaled(reader, type), scale);
    }
    switch (type.getPrimitiveTypeName()) {
      case INT32:
        int i = reader.getInteger();
        return logical instanceof LogicalTypeAnnotation.DateLogicalTypeAnnotation ? date(i, target) : (Object) i;
      case INT64:
        long l = reader.getLong();
        return logical instanceof LogicalTypeAnnotation.TimestampLogicalTypeAnnotation
            ? millis(l, (LogicalTypeAnnotation.TimestampLogicalTypeAnnotation) logical) : l;
      case FLOAT:
        return reader.getFloat();
      case DOUBLE:
        return reader.getDouble();
      case BOOLEAN:
        return reader.getBoolean();
      case BINARY:
      case FIXED_LEN_BYTE_ARRAY:
        return target == DataType.BYTES ? (Object) reader.getBinary().getBytes()
            : reader.getBinary().toStringUsingUTF8();
      default:
        throw new IllegalArgumentException("Parquet type " + type + " is not read here");
    }
  }

  private static BigInteger unscaled(ColumnReader reader, PrimitiveType type) {
    switch (type.getPrimitiveTypeName()) {
      case INT32:
        return BigInteger.valueOf(reader.getInteger());
      case INT64:
        return BigInteger.valueOf(reader.getLong());
      default:
        return new BigInteger(reader.getBinary().getBytes());
    }
  }

  private static Object date(int days, DataType target) {
    switch (target) {
      case STRING:
        return LocalDate.ofEpochDay(days).toString();
      case INT:
        return days;
      default:
        return TimeUnit.DAYS.toMillis(days);
    }
  }

  private static long millis(long value, LogicalTypeAnnotation.TimestampLogicalTypeAnnotation type) {
    switch (type.getUnit()) {
      case MILLIS:
        return value;
      case MICROS:
        return Math.floorDiv(value, 1_000L);
      default:
        return Math.floorDiv(value, 1_000_000L);
    }
  }

  /** The record converter that {@link ColumnReadStoreImpl} wants and column reading does not use. */
  private static final class Nothing extends GroupConverter {
    @Override
    public Converter getConverter(int field) {
      return new PrimitiveConverter() {
      };
    }

    @Override
    public void start() {
      // rows are read by column
    }

    @Override
    public void end() {
      // rows are read by column
    }
  }
}
