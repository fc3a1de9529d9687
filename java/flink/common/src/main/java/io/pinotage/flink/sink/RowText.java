package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.jni.JsonText;
import io.pinotage.sink.RejectedRow;

/** A row that no batch can have, as JSON: what can be seen of its columns. */
final class RowText {
    private RowText() {}

    /** The row of a value that its column does not take. */
    static <T> RejectedRow rejected(BadValueException bad, T row, RowConverter<T> converter, ArrowSchema columns) {
        return RejectedRow.of(bad.column(), bad.rule(), bad.fault(), json(row, converter, columns));
    }

    private static <T> String json(T row, RowConverter<T> converter, ArrowSchema columns) {
        StringBuilder json = new StringBuilder("{");
        for (ArrowField field : columns.fields()) {
            Object value;
            try {
                value = converter.value(row, field.name());
            } catch (RuntimeException cannotBeSeen) {
                // The column that is wrong, as a rule; then the message shows it.
                continue;
            }
            JsonText.key(field.name(), json);
            boolean isPlain = value == null
                    || value instanceof Boolean
                    || value instanceof Number && Double.isFinite(((Number) value).doubleValue());
            if (isPlain) {
                json.append(value);
            } else {
                JsonText.text(text(value), json);
            }
        }
        return json.append('}').toString();
    }

    private static String text(Object value) {
        if (!(value instanceof byte[])) {
            return value.toString();
        }
        StringBuilder hex = new StringBuilder();
        for (byte part : (byte[]) value) {
            hex.append(String.format("%02x", part));
        }
        return hex.toString();
    }
}
