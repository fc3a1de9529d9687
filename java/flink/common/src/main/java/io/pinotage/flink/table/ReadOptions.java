package io.pinotage.flink.table;

import io.pinotage.jni.JsonText;
import io.pinotage.scan.ScanOptions;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.ReadableConfig;

/**
 * What the options of a table of SQL say about reading it: {@code scan.<option>}, {@code decimal.<column>}, and how the cluster is
 * reached, as for the sink.
 */
final class ReadOptions {
    static final String SCAN = "scan.";
    static final String DECIMAL = "decimal.";
    private static final String CONNECTION = "sink.connection.";
    private static final String SCHEME = "://";

    private ReadOptions() {}

    static ScanOptions of(ReadableConfig options, Map<String, String> raw, String name) {
        String table = options.getOptional(TableOptions.TABLE).orElse(name);
        ScanOptions scan = ScanOptions.of(table);
        TreeMap<String, Object> connection = new TreeMap<>();
        for (Map.Entry<String, String> option : raw.entrySet()) {
            String key = option.getKey();
            if (key.startsWith(SCAN)) {
                scan.set(TableOptions.camelCase(key.substring(SCAN.length())), option.getValue());
            } else if (key.startsWith(DECIMAL)) {
                scan.decimal(key.substring(DECIMAL.length()), option.getValue());
            } else if (key.startsWith(CONNECTION)) {
                put(connection, TableOptions.camelCase(key.substring(CONNECTION.length())), option.getValue());
            }
        }
        if (connection.isEmpty()) {
            // A URL names its own.
            return table.contains(SCHEME) ? scan : scan.controller(options.getOptional(TableOptions.CONTROLLER).orElse(null));
        }
        options.getOptional(TableOptions.CONTROLLER).ifPresent(address -> connection.putIfAbsent("controller", address));
        StringBuilder json = new StringBuilder();
        write(connection, json);
        return scan.connection(json.toString());
    }

    @SuppressWarnings("unchecked")
    private static void put(TreeMap<String, Object> into, String name, String value) {
        int dot = name.indexOf('.');
        if (dot < 0) {
            into.put(name, value);
        } else {
            Object inner = into.computeIfAbsent(name.substring(0, dot), key -> new TreeMap<String, Object>());
            put((TreeMap<String, Object>) inner, name.substring(dot + 1), value);
        }
    }

    private static void write(Map<String, ?> object, StringBuilder json) {
        json.append('{');
        for (Map.Entry<String, ?> entry : object.entrySet()) {
            JsonText.key(entry.getKey(), json);
            if (entry.getValue() instanceof Map) {
                @SuppressWarnings("unchecked")
                Map<String, ?> inner = (Map<String, ?>) entry.getValue();
                write(inner, json);
            } else {
                String value = (String) entry.getValue();
                boolean isNumber = TableOptions.NUMBERS.contains(entry.getKey()) && value.matches("[0-9]{1,18}");
                boolean isFlag = TableOptions.YES_OR_NO.contains(entry.getKey()) && value.matches("true|false");
                if (isNumber || isFlag) {
                    json.append(value);
                } else {
                    JsonText.text(value, json);
                }
            }
        }
        json.append('}');
    }
}
