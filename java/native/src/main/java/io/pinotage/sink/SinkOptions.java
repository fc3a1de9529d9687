package io.pinotage.sink;

import io.pinotage.jni.JsonText;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;

/** Options of a {@link PinotSinkTable} by their full names, such as {@code sink.segment.maxRows}, as the JSON that it takes. */
public final class SinkOptions {
    private final TreeMap<String, Object> options = new TreeMap<>();

    /** A text; sizes and times are texts with units, such as {@code 64MiB} and {@code 10s}. */
    public SinkOptions set(String name, String value) {
        options.put(name, value);
        return this;
    }

    /** A number. */
    public SinkOptions set(String name, long value) {
        options.put(name, value);
        return this;
    }

    /** Yes or no. */
    public SinkOptions set(String name, boolean value) {
        options.put(name, value);
        return this;
    }

    /** Something that is JSON already. */
    public SinkOptions setJson(String name, String json) {
        options.put(name, new StringBuilder(json));
        return this;
    }

    /** The options as a JSON object. */
    public String toJson() {
        TreeMap<String, Object> root = new TreeMap<>();
        for (Map.Entry<String, Object> option : options.entrySet()) {
            put(root, option.getKey(), option.getValue());
        }
        StringBuilder json = new StringBuilder();
        write(root, json);
        return json.toString();
    }

    @SuppressWarnings("unchecked")
    private static void put(TreeMap<String, Object> into, String name, Object value) {
        int dot = name.indexOf('.');
        if (dot < 0) {
            into.put(name, value);
            return;
        }
        Object inner = into.computeIfAbsent(name.substring(0, dot), key -> new TreeMap<String, Object>());
        if (!(inner instanceof TreeMap)) {
            throw new IllegalArgumentException("`" + name.substring(0, dot) + "` is a value and has options in it");
        }
        put((TreeMap<String, Object>) inner, name.substring(dot + 1), value);
    }

    private static void write(Object value, StringBuilder json) {
        if (value instanceof String) {
            JsonText.text((String) value, json);
        } else if (value instanceof TreeMap) {
            json.append('{');
            Iterator<? extends Map.Entry<?, ?>> entries = ((TreeMap<?, ?>) value).entrySet().iterator();
            while (entries.hasNext()) {
                Map.Entry<?, ?> entry = entries.next();
                JsonText.text((String) entry.getKey(), json);
                json.append(':');
                write(entry.getValue(), json);
                json.append(entries.hasNext() ? "," : "");
            }
            json.append('}');
        } else {
            json.append(value);
        }
    }
}
