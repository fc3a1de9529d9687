package io.pinotage.flink.source;

import io.pinotage.arrow.Column;
import io.pinotage.arrow.RecordBatch;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.List;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.columnar.ColumnarArrayData;
import org.apache.flink.table.data.columnar.ColumnarMapData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.ArrayColumnVector;
import org.apache.flink.table.data.columnar.vector.BooleanColumnVector;
import org.apache.flink.table.data.columnar.vector.BytesColumnVector;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.data.columnar.vector.DecimalColumnVector;
import org.apache.flink.table.data.columnar.vector.DoubleColumnVector;
import org.apache.flink.table.data.columnar.vector.FloatColumnVector;
import org.apache.flink.table.data.columnar.vector.IntColumnVector;
import org.apache.flink.table.data.columnar.vector.LongColumnVector;
import org.apache.flink.table.data.columnar.vector.MapColumnVector;
import org.apache.flink.table.data.columnar.vector.TimestampColumnVector;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;

/**
 * A batch as rows of Flink, which read it where it lies. A row is good until the next one, as those of Flink's own columnar
 * formats; its texts and bytes are copied once a batch, because they outlive it.
 */
final class BatchRows {
    private final ColumnarRowData row;
    private final int rows;
    private final ZoneId zone;

    /**
     * @param zone where times without a zone are; null for rows that have none
     */
    BatchRows(RecordBatch batch, RowType type, ZoneId zone) {
        this.zone = zone;
        List<LogicalType> types = type.getChildren();
        ColumnVector[] vectors = new ColumnVector[types.size()];
        for (int i = 0; i < vectors.length; i++) {
            vectors[i] = vector(batch.column(i), types.get(i), 0, batch.rows());
        }
        this.row = new ColumnarRowData(new VectorizedColumnBatch(vectors));
        this.rows = batch.rows();
    }

    int rows() {
        return rows;
    }

    RowData row(int number) {
        row.setRowId(number);
        return row;
    }

    /** The values from a row to another one; no others are asked for. */
    private ColumnVector vector(Column column, LogicalType type, int from, int to) {
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                return new Booleans(column);
            case INTEGER:
                return column.field().type().byteWidth() == Long.BYTES ? new Narrowed(column) : new Ints(column);
            case BIGINT:
                return new Longs(column);
            case FLOAT:
                return new Floats(column);
            case DOUBLE:
                return new Doubles(column);
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return new Instants(column);
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return new Locals(column, zone);
            case DECIMAL:
                return new Decimals(column);
            case ARRAY:
                LogicalType element = ((ArrayType) type).getElementType();
                return new Arrays(column, vector(column.elements(), element, start(column, from, to), end(column, from, to)));
            case MAP:
                MapType map = (MapType) type;
                int first = start(column, from, to);
                int last = end(column, from, to);
                return new Maps(
                        column,
                        vector(column.keys(), map.getKeyType(), first, last),
                        vector(column.values(), map.getValueType(), first, last));
            default:
                return new Texts(column, start(column, from, to), end(column, from, to));
        }
    }

    private static int start(Column column, int from, int to) {
        return from == to ? 0 : column.start(from);
    }

    private static int end(Column column, int from, int to) {
        return from == to ? 0 : column.end(to - 1);
    }

    private abstract static class Vector implements ColumnVector {
        final Column column;

        Vector(Column column) {
            this.column = column;
        }

        @Override
        public boolean isNullAt(int row) {
            return column.isNull(row);
        }
    }

    private static final class Booleans extends Vector implements BooleanColumnVector {
        Booleans(Column column) {
            super(column);
        }

        @Override
        public boolean getBoolean(int row) {
            return column.getBoolean(row);
        }
    }

    private static final class Ints extends Vector implements IntColumnVector {
        Ints(Column column) {
            super(column);
        }

        @Override
        public int getInt(int row) {
            return column.getInt(row);
        }
    }

    /** Sums that Flink has in 32 bits; both wrap. */
    private static final class Narrowed extends Vector implements IntColumnVector {
        Narrowed(Column column) {
            super(column);
        }

        @Override
        public int getInt(int row) {
            return (int) column.getLong(row);
        }
    }

    private static final class Longs extends Vector implements LongColumnVector {
        Longs(Column column) {
            super(column);
        }

        @Override
        public long getLong(int row) {
            return column.getLong(row);
        }
    }

    private static final class Floats extends Vector implements FloatColumnVector {
        Floats(Column column) {
            super(column);
        }

        @Override
        public float getFloat(int row) {
            return column.getFloat(row);
        }
    }

    private static final class Doubles extends Vector implements DoubleColumnVector {
        Doubles(Column column) {
            super(column);
        }

        @Override
        public double getDouble(int row) {
            return column.getDouble(row);
        }
    }

    private static final class Instants extends Vector implements TimestampColumnVector {
        Instants(Column column) {
            super(column);
        }

        @Override
        public TimestampData getTimestamp(int row, int precision) {
            return TimestampData.fromEpochMillis(column.getLong(row));
        }
    }

    private static final class Locals extends Vector implements TimestampColumnVector {
        private final ZoneId zone;

        Locals(Column column, ZoneId zone) {
            super(column);
            this.zone = zone;
        }

        @Override
        public TimestampData getTimestamp(int row, int precision) {
            Instant instant = Instant.ofEpochMilli(column.getLong(row));
            return TimestampData.fromLocalDateTime(LocalDateTime.ofInstant(instant, zone));
        }
    }

    private static final class Decimals extends Vector implements DecimalColumnVector {
        Decimals(Column column) {
            super(column);
        }

        @Override
        public DecimalData getDecimal(int row, int precision, int scale) {
            return DecimalData.fromBigDecimal(column.getDecimal(row), precision, scale);
        }
    }

    private static final class Texts extends Vector implements BytesColumnVector {
        private final byte[] all;
        private final int start;

        Texts(Column column, int start, int end) {
            super(column);
            this.start = start;
            this.all = new byte[end - start];
            ByteBuffer from = column.data();
            if (all.length > 0) {
                from.position(start);
                from.get(all);
            }
        }

        @Override
        public Bytes getBytes(int row) {
            return new Bytes(all, column.start(row) - start, column.end(row) - column.start(row));
        }
    }

    private static final class Arrays extends Vector implements ArrayColumnVector {
        private final ColumnVector elements;

        Arrays(Column column, ColumnVector elements) {
            super(column);
            this.elements = elements;
        }

        @Override
        public ColumnarArrayData getArray(int row) {
            return new ColumnarArrayData(elements, column.start(row), column.end(row) - column.start(row));
        }
    }

    private static final class Maps extends Vector implements MapColumnVector {
        private final ColumnVector keys;
        private final ColumnVector values;

        Maps(Column column, ColumnVector keys, ColumnVector values) {
            super(column);
            this.keys = keys;
            this.values = values;
        }

        @Override
        public ColumnarMapData getMap(int row) {
            return new ColumnarMapData(keys, values, column.start(row), column.end(row) - column.start(row));
        }
    }
}
