package io.pinotage.spark.read;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowType;
import io.pinotage.scan.ScanColumn;
import io.pinotage.scan.ScanOptions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Columns of Pinot as those of Spark: TIMESTAMP is {@code TIMESTAMP}, BYTES is {@code BINARY}, JSON is {@code STRING}, BIG_DECIMAL is
 * {@code STRING} unless digits are named, a multi-value column an {@code ARRAY}.
 */
public final class PinotTypes {
    private PinotTypes() {}

    /** The columns of a table. */
    public static StructType of(List<ScanColumn> columns) {
        return new StructType(columns.stream().map(column -> of(column.field())).toArray(StructField[]::new));
    }

    /** A column. */
    static StructField of(ArrowField field) {
        return DataTypes.createStructField(field.name(), type(field), field.nullable());
    }

    private static DataType type(ArrowField field) {
        ArrowType type = field.type();
        switch (type.kind()) {
            case BOOL:
                return DataTypes.BooleanType;
            case INT32:
                return DataTypes.IntegerType;
            case INT64:
                return DataTypes.LongType;
            case FLOAT32:
                return DataTypes.FloatType;
            case FLOAT64:
                return DataTypes.DoubleType;
            case UTF8:
                return DataTypes.StringType;
            case BINARY:
            case FIXED_SIZE_BINARY:
                return DataTypes.BinaryType;
            case TIMESTAMP_MILLIS:
                return DataTypes.TimestampType;
            case DECIMAL128:
                return DataTypes.createDecimalType(type.precision(), type.scale());
            case LIST:
                ArrowField element = field.children().get(0);
                return DataTypes.createArrayType(type(element), element.nullable());
            case MAP:
                List<ArrowField> entries = field.children().get(0).children();
                return DataTypes.createMapType(type(entries.get(0)), type(entries.get(1)), entries.get(1).nullable());
            default:
                throw new PinotageException(
                        ErrorKind.UNEXPECTED, "column `" + field.name() + "` comes as " + type, "please report it");
        }
    }

    /** Tells a scan of the decimals among the columns that somebody names. */
    static void decimals(StructType declared, ScanOptions options) {
        for (StructField field : declared.fields()) {
            if (field.dataType() instanceof DecimalType) {
                DecimalType decimal = (DecimalType) field.dataType();
                options.decimal(field.name(), decimal.precision() + "," + decimal.scale());
            }
        }
    }

    /**
     * Columns that somebody names have to be those of the table, or some of them. A TIMESTAMP may be read as {@code BIGINT}, its
     * milliseconds.
     *
     * @throws PinotageException {@code schema-mismatch} that names the column
     */
    static void check(StructType declared, StructType found) {
        Map<String, StructField> columns = new TreeMap<>();
        for (StructField field : found.fields()) {
            columns.put(field.name(), field);
        }
        for (StructField field : declared.fields()) {
            StructField column = columns.get(field.name());
            if (column == null) {
                throw mismatch(field, "the table has no column of this name, but " + String.join(", ", columns.keySet()));
            }
            boolean isMillis = column.dataType().equals(DataTypes.TimestampType) && field.dataType().equals(DataTypes.LongType);
            if (!isMillis && !isAlike(field.dataType(), column.dataType())) {
                throw mismatch(field, "it is declared as " + field.dataType().sql() + ", and comes as " + column.dataType().sql());
            }
            if (column.nullable() && !field.nullable()) {
                throw mismatch(field, "it is declared NOT NULL, and the table keeps nulls of it");
            }
        }
    }

    /** Elements may be declared as nullable. */
    private static boolean isAlike(DataType declared, DataType found) {
        if (declared instanceof ArrayType && found instanceof ArrayType) {
            return isAlike(((ArrayType) declared).elementType(), ((ArrayType) found).elementType());
        }
        if (declared instanceof MapType && found instanceof MapType) {
            return isAlike(((MapType) declared).keyType(), ((MapType) found).keyType())
                    && isAlike(((MapType) declared).valueType(), ((MapType) found).valueType());
        }
        return declared.equals(found);
    }

    private static PinotageException mismatch(StructField field, String message) {
        return new PinotageException(
                ErrorKind.SCHEMA_MISMATCH,
                "column `" + field.name() + "`: " + message,
                "declare the columns as Pinot has them, or none: then they are");
    }
}
