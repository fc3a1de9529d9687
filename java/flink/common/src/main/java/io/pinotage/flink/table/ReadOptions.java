package io.pinotage.flink.table;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.scan.ScanOptions;
import io.pinotage.sink.SinkOptions;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.Map;

/**
 * What the options of a table of SQL say about reading it: {@code scan.<option>}, {@code decimal.<column>}, and how the cluster is
 * reached, as for the sink.
 */
public final class ReadOptions {
    /** What options of the scan begin with. */
    public static final String SCAN = "scan.";

    /** What digits of BIG_DECIMAL columns begin with. */
    public static final String DECIMAL = "decimal.";

    private static final String CONNECTION = "sink.connection.";
    private static final String SCHEME = "://";
    private static final String ALL_OTHERS = "default";

    private ReadOptions() {}

    /**
     * The table of options as they stand in SQL.
     *
     * @param name the table's name where the options have none
     */
    public static ScanOptions of(Map<String, String> options, String name) {
        String table = options.getOrDefault(TableOptions.TABLE.key(), name);
        ScanOptions scan = ScanOptions.of(table);
        for (Map.Entry<String, String> option : options.entrySet()) {
            String key = option.getKey();
            if (key.startsWith(SCAN)) {
                scan.set(TableOptions.camelCase(key.substring(SCAN.length())), option.getValue());
            } else if (key.startsWith(DECIMAL)) {
                String column = key.substring(DECIMAL.length());
                scan.decimal(column.equals(ALL_OTHERS) ? "*" : column, option.getValue());
            }
        }
        String connection = connection(options);
        if (connection != null) {
            return scan.connection(connection);
        }
        // A URL names its own.
        return table.contains(SCHEME) ? scan : scan.controller(controller(options));
    }

    /** The digits that the options give a BIG_DECIMAL column; null when it comes as text. */
    public static String decimal(Map<String, String> options, String column) {
        String digits = options.get(DECIMAL + column);
        return digits == null ? options.get(DECIMAL + ALL_OTHERS) : digits;
    }

    /**
     * Where times without a zone are, for options of a table or of a catalog; null where times are instants.
     *
     * @throws PinotageException for a zone that there is not
     */
    public static ZoneId zone(Map<String, String> options) {
        String zone = options.get(TableOptions.TIME_ZONE.key());
        try {
            return zone == null ? null : ZoneId.of(zone);
        } catch (DateTimeException error) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "`" + zone + "` is no time zone",
                    "name one of the tz database in `" + TableOptions.TIME_ZONE.key() + "`, such as Europe/Riga");
        }
    }

    /** The controller's address; null when the options have none. */
    public static String controller(Map<String, String> options) {
        String address = options.get(TableOptions.CONTROLLER.key());
        return address == null ? options.get("controllerBaseUrl") : address;
    }

    /** How the cluster is reached, as JSON; null when there is no more than an address. */
    public static String connection(Map<String, String> options) {
        SinkOptions connection = new SinkOptions();
        boolean isEmpty = true;
        if (controller(options) != null) {
            connection.set("controller", controller(options));
        }
        for (Map.Entry<String, String> option : options.entrySet()) {
            if (option.getKey().startsWith(CONNECTION)) {
                isEmpty = false;
                connection.setText(TableOptions.camelCase(option.getKey().substring(CONNECTION.length())), option.getValue());
            }
        }
        return isEmpty ? null : connection.toJson();
    }
}
