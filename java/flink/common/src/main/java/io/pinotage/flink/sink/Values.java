package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.ColumnBuilder;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;

/**
 * Java's objects as values of columns, as the table has them. A number goes only where nothing of it is lost; nothing is parsed.
 */
final class Values {
    private Values() {}

    /**
     * Appends an object to a column of the table's own type.
     *
     * @throws BadValueException when it is none of that type
     */
    static void append(Object value, ColumnBuilder column) {
        try {
            put(value, column);
        } catch (ArithmeticException | IllegalArgumentException error) {
            throw bad(value, column, error);
        }
    }

    /** The exception of a value that a column does not take. */
    static BadValueException bad(Object value, ColumnBuilder column, RuntimeException cause) {
        boolean isNumber = cause instanceof ArithmeticException;
        String fault = "it is of type " + column.field().type() + ", found " + shown(value)
                + (cause.getMessage() == null ? "" : ": " + cause.getMessage());
        String rule = isNumber ? BadValueException.NOT_EXACT : BadValueException.WRONG_TYPE;
        return new BadValueException(column.field().name(), rule, fault);
    }

    private static void put(Object value, ColumnBuilder column) {
        if (value == null) {
            column.appendNull();
            return;
        }
        switch (column.field().type().kind()) {
            case BOOL:
                column.appendBoolean(expect(Boolean.class, value, column));
                break;
            case INT32:
                column.appendInt(number(value, column).intValueExact());
                break;
            case INT64:
                appendLong(value, column);
                break;
            case FLOAT32:
                appendFloat(value, column);
                break;
            case FLOAT64:
                appendDouble(value, column);
                break;
            case UTF8:
                appendText(value, column);
                break;
            case BINARY:
            case FIXED_SIZE_BINARY:
                column.appendBytes(bytes(value, column));
                break;
            case TIMESTAMP_MILLIS:
                column.appendLong(millis(value, column));
                break;
            case LIST:
                appendList(value, column);
                break;
            case MAP:
                appendMap(expect(Map.class, value, column), column);
                break;
            default:
                throw wrong(value, column);
        }
    }

    private static void appendLong(Object value, ColumnBuilder column) {
        boolean isSmall = value instanceof Long || value instanceof Integer;
        column.appendLong(isSmall ? ((Number) value).longValue() : number(value, column).longValueExact());
    }

    private static void appendFloat(Object value, ColumnBuilder column) {
        float number = value instanceof Float ? (Float) value : number(value, column).floatValue();
        if (!(value instanceof Float) && new BigDecimal(number).compareTo(number(value, column)) != 0) {
            throw inexact();
        }
        column.appendFloat(number);
    }

    private static void appendDouble(Object value, ColumnBuilder column) {
        boolean isExact = value instanceof Double || value instanceof Float || value instanceof Integer;
        double number = isExact ? ((Number) value).doubleValue() : number(value, column).doubleValue();
        if (!isExact && new BigDecimal(number).compareTo(number(value, column)) != 0) {
            throw inexact();
        }
        column.appendDouble(number);
    }

    private static void appendText(Object value, ColumnBuilder column) {
        if (value instanceof CharSequence) {
            column.appendString((CharSequence) value);
        } else if (value instanceof BigDecimal) {
            column.appendDecimal((BigDecimal) value);
        } else if (value instanceof BigInteger
                || value instanceof Character
                || value instanceof Enum
                || value instanceof UUID) {
            column.appendString(value.toString());
        } else {
            throw wrong(value, column);
        }
    }

    private static void appendList(Object value, ColumnBuilder column) {
        ColumnBuilder elements = column.elements();
        if (value instanceof Iterable) {
            for (Object element : (Iterable<?>) value) {
                put(element, elements);
            }
        } else if (value.getClass().isArray()) {
            int length = java.lang.reflect.Array.getLength(value);
            for (int i = 0; i < length; i++) {
                put(java.lang.reflect.Array.get(value, i), elements);
            }
        } else {
            throw wrong(value, column);
        }
        column.endValue();
    }

    private static void appendMap(Map<?, ?> value, ColumnBuilder column) {
        for (Map.Entry<?, ?> entry : value.entrySet()) {
            put(entry.getKey(), column.keys());
            put(entry.getValue(), column.values());
        }
        column.endValue();
    }

    private static ArithmeticException inexact() {
        return new ArithmeticException("it would lose digits");
    }

    private static BigDecimal number(Object value, ColumnBuilder column) {
        if (value instanceof Byte || value instanceof Short || value instanceof Integer || value instanceof Long) {
            return BigDecimal.valueOf(((Number) value).longValue());
        }
        if (value instanceof BigDecimal) {
            return (BigDecimal) value;
        }
        if (value instanceof BigInteger) {
            return new BigDecimal((BigInteger) value);
        }
        boolean isFinite = value instanceof Double && Double.isFinite((Double) value)
                || value instanceof Float && Float.isFinite((Float) value);
        if (isFinite) {
            return new BigDecimal(((Number) value).doubleValue());
        }
        throw wrong(value, column);
    }

    private static byte[] bytes(Object value, ColumnBuilder column) {
        if (value instanceof byte[]) {
            return (byte[]) value;
        }
        if (value instanceof ByteBuffer) {
            ByteBuffer buffer = ((ByteBuffer) value).duplicate();
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            return bytes;
        }
        if (value instanceof UUID && column.field().type().kind() == ArrowType.Kind.FIXED_SIZE_BINARY) {
            UUID id = (UUID) value;
            return ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
        }
        throw wrong(value, column);
    }

    /** Milliseconds of an instant. What has no zone is none. */
    private static long millis(Object value, ColumnBuilder column) {
        if (value instanceof Long) {
            return (Long) value;
        }
        if (value instanceof Instant) {
            return ((Instant) value).toEpochMilli();
        }
        if (value instanceof Timestamp) {
            return ((Timestamp) value).getTime();
        }
        if (value instanceof OffsetDateTime) {
            return ((OffsetDateTime) value).toInstant().toEpochMilli();
        }
        if (value instanceof ZonedDateTime) {
            return ((ZonedDateTime) value).toInstant().toEpochMilli();
        }
        if (value instanceof LocalDateTime) {
            throw new IllegalArgumentException(
                    "a LocalDateTime is an instant only in a zone: convert it with `atZone(…).toInstant()` before the sink");
        }
        throw wrong(value, column);
    }

    /** An object as a partition function takes it: instants are milliseconds. */
    static Object deciding(Object value) {
        if (value instanceof Instant) {
            return ((Instant) value).toEpochMilli();
        }
        if (value instanceof Timestamp) {
            return ((Timestamp) value).getTime();
        }
        boolean isText = value instanceof Character || value instanceof Enum || value instanceof UUID;
        return isText ? value.toString() : value;
    }

    private static <V> V expect(Class<V> type, Object value, ColumnBuilder column) {
        if (!type.isInstance(value)) {
            throw wrong(value, column);
        }
        return type.cast(value);
    }

    /** Of elements the type, because the whole value is shown with its column. */
    private static IllegalArgumentException wrong(Object value, ColumnBuilder column) {
        return new IllegalArgumentException(
                "no " + column.field().type() + " is made of " + value.getClass().getName());
    }

    private static String shown(Object value) {
        String shown = value instanceof byte[] ? Arrays.toString((byte[]) value) : String.valueOf(value);
        return value.getClass().getName() + " " + (shown.length() > 100 ? shown.substring(0, 100) + "…" : shown);
    }
}
