package io.pinotage.spark.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.JsonText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
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
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;

/** Schema and config of a table that Spark makes: an OFFLINE table that keeps nulls, unless a config is given. */
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

    private final String schema;
    private final String config;

    private NewTable(String schema, String config) {
        this.schema = schema;
        this.config = config;
    }

    /** Pinot's schema as JSON. */
    public String schema() {
        return schema;
    }

    /** Pinot's table config as JSON. */
    public String config() {
        return config;
    }

    /**
     * A table of columns.
     *
     * @throws PinotageException {@code unsupported} for columns that Pinot has no place for; {@code invalid-config} for unknown
     *     properties
     */
    public static NewTable of(String name, StructType columns, Transform[] partitions, Map<String, String> properties) {
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
        String time = properties.get(TIME_COLUMN);
        List<String> dimensions = new ArrayList<>();
        List<String> metrics = new ArrayList<>();
        List<String> times = new ArrayList<>();
        boolean found = time == null;
        for (StructField column : columns.fields()) {
            found |= column.name().equals(time);
            add(column, column.name().equals(time), dimensions, metrics, times);
        }
        if (!found) {
            throw refused(ErrorKind.INVALID_CONFIG, "there is no column `" + time + "`", "correct `" + TIME_COLUMN + "`");
        }
        StringBuilder schema = new StringBuilder("{");
        JsonText.text(name, JsonText.key("schemaName", schema));
        fields("dimensionFieldSpecs", dimensions, schema);
        fields("metricFieldSpecs", metrics, schema);
        fields("dateTimeFieldSpecs", times, schema);
        schema.append('}');
        String replication = properties.getOrDefault(REPLICATION, "1");
        return new NewTable(schema.toString(), config == null ? config(name, time, replication) : config);
    }

    private static void fields(String key, List<String> fields, StringBuilder json) {
        if (!fields.isEmpty()) {
            JsonText.list(fields, JsonText.key(key, json), (field, to) -> to.append(field));
        }
    }

    private static String config(String name, String time, String replication) {
        StringBuilder json = new StringBuilder("{");
        JsonText.text(name + "_OFFLINE", JsonText.key("tableName", json));
        JsonText.text("OFFLINE", JsonText.key("tableType", json));
        JsonText.key("segmentsConfig", json).append('{');
        JsonText.text(replication, JsonText.key("replication", json));
        JsonText.text(name, JsonText.key("schemaName", json));
        if (time != null) {
            JsonText.text(time, JsonText.key("timeColumnName", json));
        }
        json.append('}');
        JsonText.key("tenants", json).append("{}");
        JsonText.key("tableIndexConfig", json).append("{\"loadMode\":\"MMAP\",\"nullHandlingEnabled\":true}");
        JsonText.key("metadata", json).append("{}");
        return json.append('}').toString();
    }

    private static void add(
            StructField column, boolean isTime, List<String> dimensions, List<String> metrics, List<String> times) {
        boolean isList = column.dataType() instanceof ArrayType;
        DataType value = isList ? ((ArrayType) column.dataType()).elementType() : column.dataType();
        String pinot = type(column.name(), value);
        StringBuilder json = new StringBuilder("{");
        JsonText.text(column.name(), JsonText.key("name", json));
        JsonText.text(pinot, JsonText.key("dataType", json));
        if (isList) {
            JsonText.key("singleValueField", json).append(false);
        }
        boolean isInstant = pinot.equals("TIMESTAMP") && !isList;
        if (isTime && !isInstant && !pinot.equals("LONG")) {
            throw refused(ErrorKind.UNSUPPORTED, "the time column `" + column.name() + "` is of type " + value.sql(),
                    "make it TIMESTAMP or BIGINT (milliseconds), or give `" + CONFIG + "`");
        }
        if (isInstant || isTime) {
            JsonText.text(isInstant ? "TIMESTAMP" : "1:MILLISECONDS:EPOCH", JsonText.key("format", json));
            JsonText.text("1:MILLISECONDS", JsonText.key("granularity", json));
            times.add(json.append('}').toString());
        } else if (pinot.equals("BIG_DECIMAL")) {
            // The oldest releases take no decimals as dimensions.
            metrics.add(json.append('}').toString());
        } else {
            dimensions.add(json.append('}').toString());
        }
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
