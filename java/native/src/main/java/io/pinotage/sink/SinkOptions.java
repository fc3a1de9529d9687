package io.pinotage.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.JsonText;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Options of a {@link PinotSinkTable} by their full names, such as {@code sink.segment.maxRows}, as the JSON that it takes. */
public final class SinkOptions {
    /** The last parts of names whose values are numbers. */
    private static final Set<String> NUMBERS = new HashSet<>(Arrays.asList(
            "maxRows",
            "archiveLevel",
            "queue",
            "waiting",
            "parallelism",
            "waitSeconds",
            "attempts",
            "retries",
            "concurrency",
            "partitions"));

    /** The same of values that are yes or no. */
    private static final Set<String> YES_OR_NO = new HashSet<>(
            Arrays.asList("copyToDeepStore", "insecureTrustAnyServer", "anonymous", "pathStyle", "allowHttp", "strict"));

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

    /** What somebody has written where all options are texts: a number, yes or no, or a list (JSON) where it is one. */
    public SinkOptions setText(String name, String text) {
        if (isNumber(name, text)) {
            return set(name, Long.parseLong(text));
        }
        if (isYesOrNo(name, text)) {
            return set(name, Boolean.parseBoolean(text));
        }
        return isList(text) ? setJson(name, text) : set(name, text);
    }

    /** Whether the text of an option is a number. */
    public static boolean isNumber(String name, String text) {
        return NUMBERS.contains(last(name)) && text.matches("[0-9]{1,18}");
    }

    /** Whether the text of an option is yes or no. */
    public static boolean isYesOrNo(String name, String text) {
        return YES_OR_NO.contains(last(name)) && text.matches("true|false");
    }

    /** Whether a text is a list, which has to be JSON. */
    public static boolean isList(String text) {
        return text.startsWith("[") && text.endsWith("]");
    }

    private static String last(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    /** Something that is JSON already. */
    public SinkOptions setJson(String name, String json) {
        options.put(name, new StringBuilder(json));
        return this;
    }

    /**
     * The options as a JSON object.
     *
     * @throws PinotageException {@code invalid-config} for a name that has a value and options below it
     */
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
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG, "`" + name.substring(0, dot) + "` has a value and options below it", "give either");
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
