package io.pinotage.spark.write;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.ColumnBuilder;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.SpecializedGetters;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.MapData;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;

/** Appends rows of one type to a batch. No call makes an object, but those of {@code SpecializedGetters} for nested values. */
final class RowAppender {
    /** Digits of a decimal that fit into 64 bits. */
    private static final int LONG_DIGITS = 18;

    /** Appends the value at a place of a row or an array. */
    private interface Appender {
        void append(SpecializedGetters values, int at, ColumnBuilder to);
    }

    private final Appender[] columns;

    RowAppender(StructType rows) {
        columns = appenders(rows);
    }

    /** Appends a row; {@link BatchBuilder#endRow} ends it. */
    void append(InternalRow row, BatchBuilder to) {
        for (int i = 0; i < columns.length; i++) {
            append(columns[i], row, i, to.column(i));
        }
    }

    private static void append(Appender appender, SpecializedGetters values, int at, ColumnBuilder to) {
        if (values.isNullAt(at)) {
            to.appendNull();
        } else {
            appender.append(values, at, to);
        }
    }

    private static Appender[] appenders(StructType type) {
        StructField[] fields = type.fields();
        Appender[] appenders = new Appender[fields.length];
        for (int i = 0; i < fields.length; i++) {
            appenders[i] = of(fields[i].dataType());
        }
        return appenders;
    }

    private static Appender of(DataType type) {
        if (type instanceof BooleanType) {
            return (values, at, to) -> to.appendBoolean(values.getBoolean(at));
        }
        if (type instanceof ByteType) {
            return (values, at, to) -> to.appendInt(values.getByte(at));
        }
        if (type instanceof ShortType) {
            return (values, at, to) -> to.appendInt(values.getShort(at));
        }
        if (type instanceof IntegerType || type instanceof DateType) {
            return (values, at, to) -> to.appendInt(values.getInt(at));
        }
        if (type instanceof FloatType) {
            return (values, at, to) -> to.appendFloat(values.getFloat(at));
        }
        if (type instanceof DoubleType) {
            return (values, at, to) -> to.appendDouble(values.getDouble(at));
        }
        if (type instanceof StringType) {
            return (values, at, to) -> append(values.getUTF8String(at), to);
        }
        if (type instanceof BinaryType) {
            return (values, at, to) -> to.appendBytes(values.getBinary(at));
        }
        if (type instanceof DecimalType) {
            return decimal((DecimalType) type);
        }
        if (type instanceof ArrayType) {
            return array((ArrayType) type);
        }
        if (type instanceof MapType) {
            return map((MapType) type);
        }
        if (type instanceof StructType) {
            return struct((StructType) type);
        }
        // Long and both timestamps; there are no others in `SparkColumns`.
        return (values, at, to) -> to.appendLong(values.getLong(at));
    }

    /** Where the bytes are in an array they are taken from there. */
    private static void append(UTF8String text, ColumnBuilder to) {
        Object base = text.getBaseObject();
        if (base instanceof byte[]) {
            to.appendBytes((byte[]) base, (int) (text.getBaseOffset() - Platform.BYTE_ARRAY_OFFSET), text.numBytes());
        } else {
            to.appendBytes(text.getBytes());
        }
    }

    private static Appender decimal(DecimalType type) {
        int precision = type.precision();
        int scale = type.scale();
        if (precision <= LONG_DIGITS) {
            return (values, at, to) -> to.appendDecimal(values.getDecimal(at, precision, scale).toUnscaledLong());
        }
        return (values, at, to) -> {
            Decimal value = values.getDecimal(at, precision, scale);
            to.appendDecimal(value.toJavaBigDecimal());
        };
    }

    private static Appender array(ArrayType type) {
        Appender elements = of(type.elementType());
        return (values, at, to) -> {
            appendAll(elements, values.getArray(at), to.elements());
            to.endValue();
        };
    }

    private static Appender map(MapType type) {
        Appender keys = of(type.keyType());
        Appender elements = of(type.valueType());
        return (values, at, to) -> {
            MapData map = values.getMap(at);
            appendAll(keys, map.keyArray(), to.keys());
            appendAll(elements, map.valueArray(), to.values());
            to.endValue();
        };
    }

    private static void appendAll(Appender appender, ArrayData values, ColumnBuilder to) {
        for (int i = 0; i < values.numElements(); i++) {
            append(appender, values, i, to);
        }
    }

    private static Appender struct(StructType type) {
        Appender[] fields = appenders(type);
        return (values, at, to) -> {
            InternalRow struct = values.getStruct(at, fields.length);
            for (int i = 0; i < fields.length; i++) {
                append(fields[i], struct, i, to.child(i));
            }
            to.endValue();
        };
    }
}
