package io.pinotage.sink;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The partition of a table that a row belongs to, one row at a time and without native code: what engines that spread rows
 * themselves need. It says the same as {@link PinotSinkTable#partitions}. Tables partition by one column; the keys of a stream may
 * have several.
 *
 * <p>Values of columns are {@link Number}, {@link Boolean}, {@link CharSequence}, {@code byte[]}; a TIMESTAMP is a {@code Long}
 * of milliseconds. Nulls are taken.
 */
public final class PinotPartitioner implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String function;
    private final int partitions;
    private final int seed;
    private final int ofNull;
    private final ArrayList<String> columns;
    /** Pinot's type of each column. */
    private final ArrayList<String> types;
    private final ArrayList<String> values;

    private PinotPartitioner(
            String function, int partitions, int seed, int ofNull, List<String> columns, List<String> types, List<String> values) {
        this.function = function;
        this.partitions = partitions;
        this.seed = seed;
        this.ofNull = ofNull;
        this.columns = new ArrayList<>(columns);
        this.types = new ArrayList<>(types);
        this.values = new ArrayList<>(values);
    }

    /**
     * What {@link #parts} gave: function, partitions, seed, partition of null, number of columns, name and type of each, values of a
     * bounded column.
     */
    public static PinotPartitioner of(String[] parts) {
        int count = Integer.parseInt(parts[4]);
        ArrayList<String> columns = new ArrayList<>();
        ArrayList<String> types = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            columns.add(parts[5 + 2 * i]);
            types.add(parts[6 + 2 * i]);
        }
        return new PinotPartitioner(
                parts[0],
                Integer.parseInt(parts[1]),
                Integer.parseInt(parts[2]),
                Integer.parseInt(parts[3]),
                columns,
                types,
                Arrays.asList(parts).subList(5 + 2 * count, parts.length));
    }

    /** All that it is; two of the same parts say the same of every row. */
    public List<String> parts() {
        List<String> parts = new ArrayList<>(Arrays.asList(
                function,
                Integer.toString(partitions),
                Integer.toString(seed),
                Integer.toString(ofNull),
                Integer.toString(columns.size())));
        for (int i = 0; i < columns.size(); i++) {
            parts.add(columns.get(i));
            parts.add(types.get(i));
        }
        parts.addAll(values);
        return parts;
    }

    /** The columns that decide, in the order in which {@link #partition} takes their values. */
    public List<String> columns() {
        return Collections.unmodifiableList(columns);
    }

    /** The number of partitions. */
    public int partitions() {
        return partitions;
    }

    /** Which of so many tasks writes a partition. */
    public static int task(int partition, int tasks) {
        return partition % tasks;
    }

    /**
     * The partition of a row.
     *
     * @param key the values of {@link #columns}
     * @throws io.pinotage.PinotageException {@code invalid-data} for a value that the function does not take
     */
    public int partition(Object... key) {
        if (key.length != columns.size()) {
            throw new IllegalArgumentException("expected values of " + columns + ", found " + key.length);
        }
        switch (function) {
            case "stream-json":
                return kafka(json(key).getBytes(StandardCharsets.UTF_8));
            case "stream-string":
                return key[0] == null ? ofNull : kafka(utf8(stored(key[0], types.get(0)).toString()));
            case "stream-int":
                return key[0] == null ? ofNull : kafka(bigEndian(((Number) key[0]).longValue(), 4));
            case "stream-long":
                return key[0] == null ? ofNull : kafka(bigEndian(((Number) key[0]).longValue(), 8));
            case "stream-bytes":
                return key[0] == null ? ofNull : kafka((byte[]) key[0]);
            default:
                return key[0] == null ? ofNull : ofText(text(stored(key[0], types.get(0))));
        }
    }

    private int ofText(String text) {
        switch (function) {
            case "Murmur":
                return kafka(utf8(text));
            case "Murmur3":
                return mask(Hashes.murmur3(utf8(text), seed));
            case "Murmur3X64":
                return mask(Hashes.murmur3X64(utf8(text), seed));
            case "HashCode":
                return absolute(text.hashCode());
            case "ByteArray":
                return absolute(Arrays.hashCode(utf8(text)));
            case "Modulo":
                return modulo(text);
            default:
                for (int i = 0; i < values.size(); i++) {
                    if (values.get(i).equalsIgnoreCase(text)) {
                        return i + 1;
                    }
                }
                return 0;
        }
    }

    private int modulo(String text) {
        try {
            return (int) Math.floorMod(Long.parseLong(text), (long) partitions);
        } catch (NumberFormatException error) {
            throw new io.pinotage.PinotageException(
                    io.pinotage.ErrorKind.INVALID_DATA,
                    "expected a whole number for the Modulo partition function, found `" + text + "`",
                    "correct the row, or leave it out");
        }
    }

    private int kafka(byte[] key) {
        return mask(Hashes.murmur2(key));
    }

    private int mask(int hash) {
        return (hash & Integer.MAX_VALUE) % partitions;
    }

    private int absolute(int hash) {
        return hash == Integer.MIN_VALUE ? 0 : Math.abs(hash) % partitions;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] bigEndian(long value, int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (value >> 8 * (count - 1 - i));
        }
        return bytes;
    }

    /** A value as its column stores it. */
    private static Object stored(Object value, String type) {
        if (value instanceof Boolean && !type.equals("STRING")) {
            return (Boolean) value ? 1 : 0;
        }
        if (!(value instanceof Number)) {
            return value;
        }
        Number number = (Number) value;
        switch (type) {
            case "INT":
                return number.intValue();
            case "LONG":
            case "TIMESTAMP":
                return number.longValue();
            default:
                return number;
        }
    }

    /** Pinot's text of a stored value. */
    private static String text(Object value) {
        if (!(value instanceof byte[])) {
            return value.toString();
        }
        StringBuilder hex = new StringBuilder();
        for (byte part : (byte[]) value) {
            hex.append(Character.forDigit(part >> 4 & 15, 16)).append(Character.forDigit(part & 15, 16));
        }
        return hex.toString();
    }

    /** The key as Kafka Connect's {@code JsonConverter} writes it. */
    private String json(Object[] key) {
        StringBuilder json = new StringBuilder();
        for (int i = 0; i < key.length; i++) {
            json.append(i == 0 ? '{' : ',');
            writeText(columns.get(i), json);
            json.append(':');
            if (key[i] instanceof CharSequence) {
                writeText(key[i].toString(), json);
            } else {
                json.append(key[i] instanceof Boolean ? key[i] : key[i] == null ? null : stored(key[i], types.get(i)));
            }
        }
        return json.append('}').toString();
    }

    /** As Jackson does: what need not be escaped is not, and escapes have capital digits. */
    private static void writeText(String text, StringBuilder json) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int at = "\"\\\b\t\n\f\r".indexOf(c);
            if (at >= 0) {
                json.append('\\').append("\"\\btnfr".charAt(at));
            } else if (c < ' ') {
                json.append(String.format("\\u%04X", (int) c));
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
