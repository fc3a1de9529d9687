package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;

/** Spark's types as those of columns. */
final class SparkColumns {
    private SparkColumns() {}

    /**
     * The columns of rows of a type.
     *
     * @throws PinotageException {@code unsupported} that names the column, for a type that no column of Pinot comes from
     */
    static ArrowSchema of(StructType rows) {
        return new ArrowSchema(fields("", rows));
    }

    private static List<ArrowField> fields(String within, StructType type) {
        List<ArrowField> fields = new ArrayList<>();
        for (StructField field : type.fields()) {
            fields.add(field(within + field.name(), field.name(), field.dataType(), field.nullable()));
        }
        return fields;
    }

    private static ArrowField field(String path, String name, DataType type, boolean nullable) {
        if (type instanceof ArrayType) {
            ArrayType array = (ArrayType) type;
            return ArrowField.list(name, nullable, field(path, "item", array.elementType(), array.containsNull()));
        }
        if (type instanceof MapType) {
            MapType map = (MapType) type;
            ArrowField values = field(path, "values", map.valueType(), map.valueContainsNull());
            return ArrowField.map(name, nullable, single(path, map.keyType()), values);
        }
        if (type instanceof StructType) {
            List<ArrowField> children = fields(path + ".", (StructType) type);
            return ArrowField.struct(name, nullable, children.toArray(new ArrowField[0]));
        }
        return ArrowField.of(name, single(path, type), nullable);
    }

    private static ArrowType single(String path, DataType type) {
        if (type instanceof BooleanType) {
            return ArrowType.BOOL;
        }
        if (type instanceof ByteType || type instanceof ShortType || type instanceof IntegerType) {
            return ArrowType.INT32;
        }
        if (type instanceof LongType) {
            return ArrowType.INT64;
        }
        if (type instanceof FloatType) {
            return ArrowType.FLOAT32;
        }
        if (type instanceof DoubleType) {
            return ArrowType.FLOAT64;
        }
        if (type instanceof StringType) {
            return ArrowType.UTF8;
        }
        if (type instanceof BinaryType) {
            return ArrowType.BINARY;
        }
        if (type instanceof DecimalType) {
            return ArrowType.decimal128(((DecimalType) type).precision(), ((DecimalType) type).scale());
        }
        if (type instanceof DateType) {
            return ArrowType.DATE32;
        }
        if (type instanceof TimestampType) {
            return ArrowType.TIMESTAMP_MICROS_UTC;
        }
        if (type instanceof TimestampNTZType) {
            return ArrowType.timestampMicros(null);
        }
        throw new PinotageException(
                ErrorKind.UNSUPPORTED,
                "column `" + path + "` is of type " + type.sql() + ", which no column of Pinot can have",
                "cast it in the query, or leave it out");
    }
}
