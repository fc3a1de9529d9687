package io.pinotage.spark;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.JsonText;
import io.pinotage.scan.ScanColumn;
import io.pinotage.scan.ScanOptions;
import io.pinotage.sink.SinkOptions;
import io.pinotage.spark.write.WriteOptions;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * What the options of a table say, wherever they were given: in a query, a session, a catalog. Names are found in any case, those of
 * Pinot's own connector too ({@link OldOptions}); any other is an error that names the nearest one.
 */
public final class PinotOptions implements Serializable {
    private static final long serialVersionUID = 1L;

    /** The table: a name or a URL. */
    public static final String TABLE = "table";

    /** The same, as {@code load("…")} gives it. */
    public static final String PATH = "path";

    /** The controller: {@code host:port} or a URL. */
    public static final String CONTROLLER = "controller";

    /** {@code offline} or {@code realtime}: only that half of the table. */
    public static final String TABLE_TYPE = "tableType";

    /** Whether conditions are left to Pinot where it does the same. */
    public static final String PUSH_DOWN_FILTERS = "usePushDownFilters";

    /** Whether Spark is told of a table's partitions: auto, true or false. */
    public static final String REPORT_PARTITIONING = "reportPartitioning";

    /** What digits of BIG_DECIMAL columns begin with. */
    public static final String DECIMAL = "decimal.";

    /** What the keys of {@code sink.connection} of a job file begin with. */
    public static final String CONNECTION = "connection.";

    private static final List<String> OWN = Arrays.asList(TABLE, PATH, CONTROLLER, TABLE_TYPE, PUSH_DOWN_FILTERS, REPORT_PARTITIONING);
    private static final List<String> PREFIXES = prefixes();
    private static final String ALL_OTHERS = "default";
    private static final String SCHEME = "://";

    /** What Spark keeps with a table of this format, and with a stream. */
    private static final Set<String> OF_SPARK = new HashSet<>(Arrays.asList(
            "provider", "owner", "location", "external", "comment", "is_managed_location", "serialization.format",
            "checkpointlocation"));

    private static final String OF_SPARK_TOO = "option.";

    /** Hosts with commas between them. */
    private static final String EXCEPT = "except";

    /** By their own names. */
    private final TreeMap<String, String> options;

    private PinotOptions(TreeMap<String, String> options) {
        this.options = options;
    }

    /**
     * Reads options.
     *
     * @throws PinotageException {@code invalid-config} for a name that no option has, and for values of the existing connector's
     *     options that cannot be
     */
    public static PinotOptions of(Map<String, String> raw) {
        TreeMap<String, String> known = names();
        TreeMap<String, String> options = new TreeMap<>();
        TreeMap<String, String> old = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (Map.Entry<String, String> option : raw.entrySet()) {
            String name = option.getKey();
            if (OF_SPARK.contains(name.toLowerCase(Locale.ROOT)) || name.startsWith(OF_SPARK_TOO)) {
                continue;
            }
            if (known.containsKey(name)) {
                options.put(known.get(name), option.getValue());
            } else if (OldOptions.NAMES.contains(name)) {
                old.put(name, option.getValue());
            } else {
                options.put(prefixed(name, known), option.getValue());
            }
        }
        OldOptions.translate(old, options);
        return new PinotOptions(options);
    }

    private static List<String> prefixes() {
        List<String> prefixes = new ArrayList<>(WriteOptions.PREFIXES);
        prefixes.add(DECIMAL);
        prefixes.add(CONNECTION);
        return prefixes;
    }

    /** The name with a prefix in its own spelling. */
    private static String prefixed(String name, TreeMap<String, String> known) {
        for (String prefix : PREFIXES) {
            if (name.regionMatches(true, 0, prefix, 0, prefix.length())) {
                return prefix + name.substring(prefix.length());
            }
        }
        throw new PinotageException(
                ErrorKind.INVALID_CONFIG,
                "`" + name + "` is no option of a table",
                "did you mean `" + Nearest.of(name, known.values()) + "`?");
    }

    /** All names, by their spelling in any case. */
    private static TreeMap<String, String> names() {
        TreeMap<String, String> names = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        OWN.forEach(name -> names.put(name, name));
        WriteOptions.NAMES.forEach(name -> names.put(name, name));
        ScanOptions.names().forEach(name -> names.put(name, name));
        return names;
    }

    /** These, and those of a query before them. */
    public PinotOptions with(Map<String, String> more) {
        TreeMap<String, String> all = new TreeMap<>(options);
        all.putAll(of(more).options);
        return new PinotOptions(all);
    }

    /** The same for a table of a catalog. */
    PinotOptions ofTable(String table) {
        TreeMap<String, String> all = new TreeMap<>(options);
        all.put(TABLE, table);
        return new PinotOptions(all);
    }

    boolean hasDecimals() {
        return options.keySet().stream().anyMatch(name -> name.startsWith(DECIMAL));
    }

    PinotOptions withoutDecimals() {
        TreeMap<String, String> all = new TreeMap<>(options);
        all.keySet().removeIf(name -> name.startsWith(DECIMAL));
        return new PinotOptions(all);
    }

    /** With the digits that others name, for the columns that are there. */
    PinotOptions withDecimals(PinotOptions others, List<ScanColumn> columns) {
        TreeMap<String, String> all = new TreeMap<>(options);
        for (ScanColumn column : columns) {
            String digits = others.options.getOrDefault(DECIMAL + column.name(), others.options.get(DECIMAL + ALL_OTHERS));
            if (digits != null && column.type().equals("BIG_DECIMAL") && !column.multiValue()) {
                all.put(DECIMAL + column.name(), digits);
            }
        }
        return new PinotOptions(all);
    }

    /** All of them, by their own names. */
    public void forEach(BiConsumer<String, String> action) {
        options.forEach(action);
    }

    /** A value; null when it is not there. */
    public String get(String name) {
        return options.get(name);
    }

    /**
     * The table's name or URL.
     *
     * @throws PinotageException {@code invalid-config} when there is none
     */
    public String table() {
        String table = options.getOrDefault(TABLE, options.get(PATH));
        if (table == null || table.isEmpty()) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "no table is named",
                    "name one by `load(\"pinot://host:9000/flights\")`, or by the options `table` and `controller`");
        }
        return table;
    }

    /** Whether conditions are left to Pinot. */
    public boolean pushesFilters() {
        return !"false".equalsIgnoreCase(options.get(PUSH_DOWN_FILTERS));
    }

    /** The table as a scan has it. */
    public ScanOptions scan() {
        String table = table();
        boolean isUrl = table.contains(SCHEME);
        ScanOptions scan = ScanOptions.of(isUrl ? table : table + half(table));
        for (String name : ScanOptions.names()) {
            if (options.containsKey(name)) {
                scan.set(name, options.get(name));
            }
        }
        options.forEach((name, value) -> {
            if (name.startsWith(DECIMAL)) {
                String column = name.substring(DECIMAL.length());
                scan.decimal(column.equals(ALL_OTHERS) ? "*" : column, value);
            }
        });
        String connection = connection();
        if (connection != null) {
            return scan.connection(connection);
        }
        // A URL names its own.
        return isUrl || controller() == null ? scan : scan.controller(controller());
    }

    /** What a name without a type gets. */
    private String half(String table) {
        String type = options.getOrDefault(TABLE_TYPE, "hybrid").toUpperCase(Locale.ROOT);
        switch (type) {
            case "HYBRID":
                return "";
            case "OFFLINE":
            case "REALTIME":
                return table.endsWith("_" + type) ? "" : "_" + type;
            default:
                throw new PinotageException(
                        ErrorKind.INVALID_CONFIG,
                        "`" + TABLE_TYPE + "`: expected offline, realtime or hybrid, found " + type,
                        "leave it out to read both halves");
        }
    }

    /** The controller's address; null when no option has it. */
    public String controller() {
        return options.get(CONTROLLER);
    }

    /** How the cluster is reached, as JSON with the keys of {@code sink.connection}; null when an address is all there is. */
    public String connection() {
        SinkOptions connection = new SinkOptions();
        if (controller() != null) {
            connection.set(CONTROLLER, controller());
        }
        boolean isEmpty = true;
        for (Map.Entry<String, String> option : options.entrySet()) {
            if (!option.getKey().startsWith(CONNECTION)) {
                continue;
            }
            isEmpty = false;
            String name = option.getKey().substring(CONNECTION.length());
            if (name.endsWith(EXCEPT)) {
                List<String> hosts = Arrays.asList(option.getValue().split("\\s*,\\s*"));
                StringBuilder json = new StringBuilder();
                JsonText.list(hosts, json, JsonText::text);
                connection.setJson(name, json.toString());
            } else {
                connection.setText(name, option.getValue());
            }
        }
        return isEmpty ? null : connection.toJson();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PinotOptions && options.equals(((PinotOptions) other).options);
    }

    @Override
    public int hashCode() {
        return options.hashCode();
    }

    /** Without what may be secret. */
    @Override
    public String toString() {
        return options.getOrDefault(TABLE, options.getOrDefault(PATH, "?"));
    }
}
