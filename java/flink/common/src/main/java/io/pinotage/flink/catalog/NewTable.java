package io.pinotage.flink.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.catalog.TableDefinition;
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

/** A table that {@code CREATE TABLE} makes, from its columns and options. */
final class NewTable {
    /** The column of the table's time, a TIMESTAMP_LTZ or a BIGINT of milliseconds. */
    static final String TIME_COLUMN = "create.time-column";

    /** How many servers have each segment. */
    static final String REPLICATION = "create.replication";

    /** Pinot's table config as JSON, in place of all other options here. */
    static final String CONFIG = "create.table-config";

    private static final Set<String> KNOWN = new HashSet<>(Arrays.asList(TIME_COLUMN, REPLICATION, CONFIG, "connector"));

    private NewTable() {}

    /**
     * @param zoned whether somebody has said where times without a zone are
     */
    static TableDefinition of(String name, ResolvedSchema columns, Map<String, String> options, boolean zoned) {
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
        TableDefinition.Builder table = TableDefinition.named(name)
                .timeColumn(options.get(TIME_COLUMN))
                .replication(options.getOrDefault(REPLICATION, "1"))
                .primaryKey(key)
                .config(config);
        for (Column column : columns.getColumns()) {
            if (!column.isPhysical()) {
                throw refused(ErrorKind.UNSUPPORTED, "column `" + column.getName() + "` is computed",
                        "compute it in a query, or in a view of another catalog");
            }
            LogicalType type = column.getDataType().getLogicalType();
            if (!zoned && hasLocalTime(type)) {
                throw refused(ErrorKind.UNSUPPORTED, "column `" + column.getName() + "` has times without a zone, and Pinot has instants",
                        "make it TIMESTAMP_LTZ(3), or give the catalog the option `time-zone`");
            }
            boolean isList = type.getTypeRoot() == LogicalTypeRoot.ARRAY;
            LogicalType value = isList ? ((ArrayType) type).getElementType() : type;
            table.column(column.getName(), type(column.getName(), value), isList);
        }
        return table.build();
    }

    private static boolean hasLocalTime(LogicalType type) {
        return type.getTypeRoot() == LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE
                || type.getChildren().stream().anyMatch(NewTable::hasLocalTime);
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
