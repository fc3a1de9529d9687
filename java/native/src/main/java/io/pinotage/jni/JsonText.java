package io.pinotage.jni;

import java.util.List;
import java.util.function.BiConsumer;

/** Parts of JSON. Not for use outside of Pinotage. */
public final class JsonText {
    private JsonText() {}

    /** A text in quotes. */
    public static void text(String text, StringBuilder json) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }

    /** A key, with its comma unless it is the first one of its object. */
    public static StringBuilder key(String key, StringBuilder json) {
        if (json.charAt(json.length() - 1) != '{') {
            json.append(',');
        }
        text(key, json);
        return json.append(':');
    }

    /** A list. */
    public static <T> void list(List<T> items, StringBuilder json, BiConsumer<T, StringBuilder> write) {
        json.append('[');
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) {
                json.append(',');
            }
            write.accept(items.get(i), json);
        }
        json.append(']');
    }
}
