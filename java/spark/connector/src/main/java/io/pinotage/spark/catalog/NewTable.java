package io.pinotage.spark.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.catalog.TableDefinition;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
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
import org.apache.spark.sql.types.TimestampType;

/** A table that Spark makes, from its columns and properties. */
public final class NewTable {
    /** The column of the table's time, a TIMESTAMP or a BIGINT of milliseconds. */
    static final String TIME_COLUMN = "create.timeColumn";

    /** How many servers have each segment. */
    static final String REPLICATION = "create.replication";

    /** Pinot's table config as JSON, in place of all other options here. */
    static final String CONFIG = "create.tableConfig";

    private static final Set<String> KNOWN = new HashSet<>(Arrays.asList(TIME_COLUMN, REPLICATION, CONFIG));

    /** What Spark adds by itself. */
    private static final Set<String> OF_SPARK =
            new HashSet<>(Arrays.asList("provider", "owner", "comment", "is_managed_location", "table_type"));

    private static final String OF_SPARK_TOO = "option.";

    private NewTable() {}

    /**
     * A table of columns.
     *
     * @throws PinotageException {@code unsupported} for columns that Pinot has no place for; {@code invalid-config} for unknown
     *     properties
     */
    public static TableDefinition of(String name, StructType columns, Transform[] partitions, Map<String, String> properties) {
        for (String property : properties.keySet()) {
            if (!KNOWN.contains(property) && !OF_SPARK.contains(property) && !property.startsWith(OF_SPARK_TOO)) {
                throw refused(ErrorKind.INVALID_CONFIG, "`" + property + "` is no property of a new table",
                        "use " + TIME_COLUMN + ", " + REPLICATION + " or " + CONFIG
                                + "; options of reading and writing are those of the catalog");
            }
        }
        String config = properties.get(CONFIG);
        if (partitions.length > 0 && config == null) {
            throw refused(ErrorKind.UNSUPPORTED, "a table PARTITIONED BY " + partitions[0].describe(),
                    "give its table config with `segmentPartitionConfig` by `" + CONFIG + "`");
        }
        TableDefinition.Builder table = TableDefinition.named(name)
                .timeColumn(properties.get(TIME_COLUMN))
                .replication(properties.getOrDefault(REPLICATION, "1"))
                .config(config);
        for (StructField column : columns.fields()) {
            if (column.dataType() instanceof MapType && ((MapType) column.dataType()).keyType() instanceof StringType) {
                table.map(column.name(), type(column.name(), ((MapType) column.dataType()).valueType()));
                continue;
            }
            boolean isList = column.dataType() instanceof ArrayType;
            DataType value = isList ? ((ArrayType) column.dataType()).elementType() : column.dataType();
            table.column(column.name(), type(column.name(), value), isList);
        }
        return table.build();
    }

    private static String type(String column, DataType type) {
        if (type instanceof BooleanType) {
            return "BOOLEAN";
        }
        if (type instanceof ByteType || type instanceof ShortType || type instanceof IntegerType) {
            return "INT";
        }
        if (type instanceof LongType) {
            return "LONG";
        }
        if (type instanceof FloatType) {
            return "FLOAT";
        }
        if (type instanceof DoubleType) {
            return "DOUBLE";
        }
        if (type instanceof DecimalType) {
            return "BIG_DECIMAL";
        }
        if (type instanceof StringType) {
            return "STRING";
        }
        if (type instanceof BinaryType) {
            return "BYTES";
        }
        if (type instanceof TimestampType) {
            return "TIMESTAMP";
        }
        throw refused(ErrorKind.UNSUPPORTED, "column `" + column + "` is of type " + type.sql()
                + ", which no column of Pinot has", "declare it as another type, such as STRING or TIMESTAMP");
    }

    private static PinotageException refused(ErrorKind kind, String message, String advice) {
        return new PinotageException(kind, message, advice);
    }
}
