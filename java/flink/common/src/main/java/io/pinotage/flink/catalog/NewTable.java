package io.pinotage.flink.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.JsonText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.catalog.UniqueConstraint;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** Schema and config of a table that {@code CREATE TABLE} makes: an OFFLINE table that keeps nulls, unless a config is given. */
final class NewTable {
    /** The column of the table's time, a TIMESTAMP_LTZ or a BIGINT of milliseconds. */
    static final String TIME_COLUMN = "create.time-column";

    /** How many servers have each segment. */
    static final String REPLICATION = "create.replication";

    /** Pinot's table config as JSON, in place of all other options here. */
    static final String CONFIG = "create.table-config";

    private static final Set<String> KNOWN = new HashSet<>(Arrays.asList(TIME_COLUMN, REPLICATION, CONFIG, "connector"));

    private final String schema;
    private final String config;

    private NewTable(String schema, String config) {
        this.schema = schema;
        this.config = config;
    }

    String schema() {
        return schema;
    }

    String config() {
        return config;
    }

    /**
     * @param zoned whether somebody has said where times without a zone are
     */
    static NewTable of(String name, ResolvedSchema columns, Map<String, String> options, boolean zoned) {
        for (String option : options.keySet()) {
            if (!KNOWN.contains(option)) {
                throw refused(ErrorKind.INVALID_CONFIG, "`" + option + "` is no option of a new table",
                        "use " + TIME_COLUMN + ", " + REPLICATION + " or " + CONFIG
                                + "; options of reading and writing are those of the catalog");
            }
        }
        List<String> key = columns.getPrimaryKey().map(UniqueConstraint::getColumns).orElse(Collections.emptyList());
        String config = options.get(CONFIG);
        if (!key.isEmpty() && config == null) {
            throw refused(ErrorKind.UNSUPPORTED, "a table with a primary key has a stream in Pinot",
                    "give its table config by `" + CONFIG + "`, or leave out the key");
        }
        String time = options.get(TIME_COLUMN);
        List<String> dimensions = new ArrayList<>();
        List<String> metrics = new ArrayList<>();
        List<String> times = new ArrayList<>();
        boolean found = time == null;
        for (Column column : columns.getColumns()) {
            if (!column.isPhysical()) {
                throw refused(ErrorKind.UNSUPPORTED, "column `" + column.getName() + "` is computed",
                        "compute it in a query, or in a view of another catalog");
            }
            found |= column.getName().equals(time);
            if (!zoned && hasLocalTime(column.getDataType().getLogicalType())) {
                throw refused(ErrorKind.UNSUPPORTED, "column `" + column.getName() + "` has times without a zone, and Pinot has instants",
                        "make it TIMESTAMP_LTZ(3), or give the catalog the option `time-zone`");
            }
            add(column, column.getName().equals(time), dimensions, metrics, times);
        }
        if (!found) {
            throw refused(ErrorKind.INVALID_CONFIG, "there is no column `" + time + "`", "correct `" + TIME_COLUMN + "`");
        }
        StringBuilder schema = new StringBuilder("{");
        JsonText.text(name, JsonText.key("schemaName", schema));
        fields("dimensionFieldSpecs", dimensions, schema);
        fields("metricFieldSpecs", metrics, schema);
        fields("dateTimeFieldSpecs", times, schema);
        if (!key.isEmpty()) {
            JsonText.list(key, JsonText.key("primaryKeyColumns", schema), JsonText::text);
        }
        schema.append('}');
        return new NewTable(
                schema.toString(), config == null ? config(name, time, options.getOrDefault(REPLICATION, "1")) : config);
    }

    private static boolean hasLocalTime(LogicalType type) {
        return type.getTypeRoot() == LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE
                || type.getChildren().stream().anyMatch(NewTable::hasLocalTime);
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
            Column column, boolean isTime, List<String> dimensions, List<String> metrics, List<String> times) {
        LogicalType type = column.getDataType().getLogicalType();
        boolean isList = type.getTypeRoot() == LogicalTypeRoot.ARRAY;
        LogicalType value = isList ? ((ArrayType) type).getElementType() : type;
        String pinot = type(column.getName(), value);
        StringBuilder json = new StringBuilder("{");
        JsonText.text(column.getName(), JsonText.key("name", json));
        JsonText.text(pinot, JsonText.key("dataType", json));
        if (isList) {
            JsonText.key("singleValueField", json).append(false);
        }
        boolean isInstant = pinot.equals("TIMESTAMP") && !isList;
        if (isTime && !isInstant && !pinot.equals("LONG")) {
            throw refused(ErrorKind.UNSUPPORTED, "the time column `" + column.getName() + "` is of type " + type,
                    "make it TIMESTAMP_LTZ(3) or BIGINT (milliseconds), or give `" + CONFIG + "`");
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

    private static String type(String column, LogicalType type) {
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                return "BOOLEAN";
            case TINYINT:
            case SMALLINT:
            case INTEGER:
                return "INT";
            case BIGINT:
                return "LONG";
            case FLOAT:
                return "FLOAT";
            case DOUBLE:
                return "DOUBLE";
            case DECIMAL:
                return "BIG_DECIMAL";
            case CHAR:
            case VARCHAR:
                return "STRING";
            case BINARY:
            case VARBINARY:
                return "BYTES";
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return "TIMESTAMP";
            default:
                throw refused(ErrorKind.UNSUPPORTED, "column `" + column + "` is of type " + type.asSummaryString()
                        + ", which no column of Pinot has", "declare it as another type, such as STRING or TIMESTAMP_LTZ(3)");
        }
    }

    private static PinotageException refused(ErrorKind kind, String message, String advice) {
        return new PinotageException(kind, message, advice);
    }
}
