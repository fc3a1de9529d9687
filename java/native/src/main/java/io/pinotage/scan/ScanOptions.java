package io.pinotage.scan;

import io.pinotage.jni.JsonText;
import io.pinotage.jni.NativeLibrary;
import io.pinotage.jni.NativeScan;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Which table is read, and how. The options of a scan are those of {@code docs/reference/scan.md}, by the names that they have
 * in a table's URL.
 */
public final class ScanOptions implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String table;
    private String controller;
    private String connection;
    private final TreeMap<String, String> scan = new TreeMap<>();
    private final TreeMap<String, String> decimals = new TreeMap<>();

    private ScanOptions(String table) {
        this.table = Objects.requireNonNull(table, "table");
    }

    /**
     * A table.
     *
     * @param table a URL such as {@code pinot://host:9000/flights?reader=direct}; or a name, for which a controller or a
     *     connection is set. With a type at its end ({@code flights_OFFLINE}) only that half is read
     */
    public static ScanOptions of(String table) {
        return new ScanOptions(table);
    }

    /** The names of all options that {@link #set} takes. */
    public static List<String> names() {
        NativeLibrary.load();
        return Arrays.asList(NativeScan.optionNames());
    }

    /** The controller: {@code host:9000} or a URL. */
    public ScanOptions controller(String address) {
        this.controller = address;
        return this;
    }

    /** How the cluster is reached, as JSON: the keys of {@code sink.connection} of a job file. Variables are read where it is used. */
    public ScanOptions connection(String json) {
        this.connection = json;
        return this;
    }

    /** An option of the scan, such as {@code reader}; it comes before what the URL says. */
    public ScanOptions set(String name, String value) {
        scan.put(name, value);
        return this;
    }

    /** Reads a BIG_DECIMAL column, or with {@code *} all others, as a decimal: {@code precision,scale}. */
    public ScanOptions decimal(String column, String digits) {
        decimals.put(column, digits);
        return this;
    }

    /** The options as JSON, as the library takes them. */
    public String toJson() {
        StringBuilder json = new StringBuilder("{");
        JsonText.text(table, JsonText.key("table", json));
        if (controller != null) {
            JsonText.text(controller, JsonText.key("controller", json));
        }
        if (connection != null) {
            JsonText.key("connection", json).append(connection);
        }
        write("scan", scan, json);
        write("decimals", decimals, json);
        return json.append('}').toString();
    }

    private static void write(String key, Map<String, String> texts, StringBuilder json) {
        JsonText.key(key, json).append('{');
        for (Map.Entry<String, String> text : texts.entrySet()) {
            JsonText.text(text.getValue(), JsonText.key(text.getKey(), json));
        }
        json.append('}');
    }

    /** The table, without what may be secret. */
    @Override
    public String toString() {
        return table;
    }
}
