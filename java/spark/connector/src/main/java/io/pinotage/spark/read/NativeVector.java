package io.pinotage.spark.read;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.Column;
import java.nio.ByteOrder;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarArray;
import org.apache.spark.sql.vectorized.ColumnarMap;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;

/** A column of a batch, read where it lies. It is good as long as its batch. */
abstract class NativeVector extends NoVector {
    private final int nulls;
    private final long validity;
    /** The place of the first value in its buffers. */
    final int offset;
    /** Where values or offsets lie. */
    final long values;

    NativeVector(Column column, DataType type) {
        super(type);
        this.nulls = Math.toIntExact(column.nulls());
        this.validity = column.address(0);
        this.offset = column.offset();
        this.values = column.address(1);
    }

    /** A column as a type of Spark, which is its own one or one that {@link PinotTypes#check} allows. */
    static ColumnVector of(Column column, DataType type) {
        ArrowType.Kind kind = column.field().type().kind();
        switch (kind) {
            case BOOL:
                return new Booleans(column, type);
            case INT32:
                return new Ints(column, type);
            case INT64:
                return new Longs(column, type);
            case FLOAT32:
                return new Floats(column, type);
            case FLOAT64:
                return new Doubles(column, type);
            case TIMESTAMP_MILLIS:
                return type.equals(DataTypes.TimestampType) ? new Instants(column, type) : new Longs(column, type);
            case UTF8:
                return new Texts(column, type);
            case BINARY:
            case FIXED_SIZE_BINARY:
                return new Bytes(column, type);
            case DECIMAL128:
                return new Decimals(column, type);
            case LIST:
                return new Lists(column, (ArrayType) type);
            case MAP:
                return new Maps(column, (MapType) type);
            default:
                throw new PinotageException(
                        ErrorKind.UNEXPECTED, "a column comes as " + column.field().type(), "please report it");
        }
    }

    @Override
    public boolean hasNull() {
        return nulls > 0;
    }

    @Override
    public int numNulls() {
        return nulls;
    }

    @Override
    public boolean isNullAt(int row) {
        return nulls > 0 && !bit(validity, row);
    }

    final boolean bit(long bits, int row) {
        int at = offset + row;
        return (Platform.getByte(null, bits + (at >> 3)) >> (at & 7) & 1) != 0;
    }

    /** Where a value begins in what its column's offsets refer to. */
    final int start(int row) {
        return Platform.getInt(null, values + ((long) (offset + row) << 2));
    }

    private static final class Booleans extends NativeVector {
        Booleans(Column column, DataType type) {
            super(column, type);
        }

        @Override
        public boolean getBoolean(int row) {
            return bit(values, row);
        }
    }

    private static final class Ints extends NativeVector {
        Ints(Column column, DataType type) {
            super(column, type);
        }

        @Override
        public int getInt(int row) {
            return start(row);
        }
    }

    private static final class Longs extends NativeVector {
        Longs(Column column, DataType type) {
            super(column, type);
        }

        @Override
        public long getLong(int row) {
            return Platform.getLong(null, values + ((long) (offset + row) << 3));
        }
    }

    private static final class Floats extends NativeVector {
        Floats(Column column, DataType type) {
            super(column, type);
        }

        @Override
        public float getFloat(int row) {
            return Platform.getFloat(null, values + ((long) (offset + row) << 2));
        }
    }

    private static final class Doubles extends NativeVector {
        Doubles(Column column, DataType type) {
            super(column, type);
        }

        @Override
        public double getDouble(int row) {
            return Platform.getDouble(null, values + ((long) (offset + row) << 3));
        }
    }

    /** Milliseconds, which are microseconds in Spark. */
    private static final class Instants extends NativeVector {
        private static final long MICROS = 1000;
        private static final long LAST = Long.MAX_VALUE / MICROS;

        private final String name;

        Instants(Column column, DataType type) {
            super(column, type);
            this.name = column.field().name();
        }

        @Override
        public long getLong(int row) {
            long millis = Platform.getLong(null, values + ((long) (offset + row) << 3));
            if (millis > LAST || millis < -LAST) {
                throw new PinotageException(
                        ErrorKind.INVALID_DATA,
                        "column `" + name + "` has the time " + millis + " ms, which no TIMESTAMP of Spark is",
                        "declare the column as BIGINT: its milliseconds");
            }
            return millis * MICROS;
        }
    }

    private static final class Texts extends NativeVector {
        private final long data;

        Texts(Column column, DataType type) {
            super(column, type);
            this.data = column.address(2);
        }

        @Override
        public UTF8String getUTF8String(int row) {
            int start = start(row);
            return UTF8String.fromAddress(null, data + start, start(row + 1) - start);
        }
    }

    private static final class Bytes extends NativeVector {
        private final Column column;

        Bytes(Column column, DataType type) {
            super(column, type);
            this.column = column;
        }

        @Override
        public byte[] getBinary(int row) {
            return isNullAt(row) ? null : column.getBytes(row);
        }
    }

    private static final class Decimals extends NativeVector {
        private static final boolean IS_LITTLE = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        private static final int WIDTH = 16;
        /** Decimals of so many digits are longs. */
        private static final int LONG_DIGITS = 18;

        private final Column column;

        Decimals(Column column, DataType type) {
            super(column, type);
            this.column = column;
        }

        @Override
        public Decimal getDecimal(int row, int precision, int scale) {
            if (precision > LONG_DIGITS) {
                return Decimal.apply(column.getDecimal(row), precision, scale);
            }
            long low = values + (long) (offset + row) * WIDTH + (IS_LITTLE ? 0 : Long.BYTES);
            return Decimal.createUnsafe(Platform.getLong(null, low), precision, scale);
        }
    }

    private static final class Lists extends NativeVector {
        private final ColumnVector elements;

        Lists(Column column, ArrayType type) {
            super(column, type);
            this.elements = of(column.elements(), type.elementType());
        }

        @Override
        public ColumnarArray getArray(int row) {
            int start = start(row);
            return new ColumnarArray(elements, start, start(row + 1) - start);
        }
    }

    private static final class Maps extends NativeVector {
        private final ColumnVector keys;
        private final ColumnVector entries;

        Maps(Column column, MapType type) {
            super(column, type);
            this.keys = of(column.keys(), type.keyType());
            this.entries = of(column.values(), type.valueType());
        }

        @Override
        public ColumnarMap getMap(int row) {
            int start = start(row);
            return new ColumnarMap(keys, entries, start, start(row + 1) - start);
        }
    }
}
