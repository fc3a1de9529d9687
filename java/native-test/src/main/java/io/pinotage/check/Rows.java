package io.pinotage.check;

import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.Column;
import io.pinotage.arrow.ColumnBuilder;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Rows of all types: objects of Java to batches, and back. */
final class Rows {
    static final ArrowSchema SCHEMA = ArrowSchema.of(
            ArrowField.of("bool", ArrowType.BOOL, true),
            ArrowField.of("int", ArrowType.INT32, true),
            ArrowField.of("long", ArrowType.INT64, true),
            ArrowField.of("float", ArrowType.FLOAT32, true),
            ArrowField.of("double", ArrowType.FLOAT64, true),
            ArrowField.of("text", ArrowType.UTF8, true),
            ArrowField.of("bytes", ArrowType.BINARY, true),
            ArrowField.of("uuid", ArrowType.fixedSizeBinary(16), true),
            ArrowField.of("day", ArrowType.DATE32, true),
            ArrowField.of("at", ArrowType.TIMESTAMP_MILLIS_UTC, true),
            ArrowField.of("micros", ArrowType.timestampMicros(null), true),
            ArrowField.of("decimal", ArrowType.decimal128(38, 6), true),
            ArrowField.list("longs", true, ArrowField.of("item", ArrowType.INT64, true)),
            ArrowField.list("texts", true, ArrowField.of("item", ArrowType.UTF8, true)),
            ArrowField.struct(
                    "struct",
                    true,
                    ArrowField.of("a", ArrowType.INT32, true),
                    ArrowField.list("b", true, ArrowField.of("item", ArrowType.BOOL, true))),
            ArrowField.map("map", true, ArrowType.UTF8, ArrowField.of("values", ArrowType.FLOAT64, true)));

    private static final String[] TEXTS = {
        "", "a", "Zürich", "北京", "a\u0000b", "\uD83C\uDF77 wine", "x".repeat(300), "\u07ff\u0800\uffff"
    };

    private final Random random;
    private final double nulls;

    Rows(long seed, double nulls) {
        this.random = new Random(seed);
        this.nulls = nulls;
    }

    Object value(ArrowField field) {
        if (random.nextDouble() < nulls) {
            return null;
        }
        switch (field.type().kind()) {
            case BOOL:
                return random.nextBoolean();
            case INT32:
            case DATE32:
                return random.nextInt();
            case INT64:
            case TIMESTAMP_MILLIS:
            case TIMESTAMP_MICROS:
                return random.nextLong();
            case FLOAT32:
                return Float.intBitsToFloat(random.nextInt() & 0xff7fffff);
            case FLOAT64:
                return random.nextGaussian();
            case UTF8:
                return TEXTS[random.nextInt(TEXTS.length)] + random.nextInt(10);
            case BINARY:
                return bytes(random.nextInt(20));
            case FIXED_SIZE_BINARY:
                return bytes(field.type().byteWidth());
            case DECIMAL128:
                return new BigDecimal(new BigInteger(120, random).subtract(BigInteger.ONE.shiftLeft(119)), 6);
            case LIST:
                return list(field.children().get(0), random.nextInt(5));
            case STRUCT:
                List<Object> fields = new ArrayList<>();
                field.children().forEach(child -> fields.add(value(child)));
                return fields;
            case MAP:
                Map<String, Object> map = new LinkedHashMap<>();
                for (int i = random.nextInt(4); i > 0; i--) {
                    map.put("k" + i, value(field.children().get(0).children().get(1)));
                }
                return map;
            default:
                throw new AssertionError(field);
        }
    }

    private List<Object> list(ArrowField element, int count) {
        List<Object> list = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            list.add(value(element));
        }
        return list;
    }

    private byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    /** A row; columns that are null at its end get no value at all. */
    List<Object> append(BatchBuilder to) {
        List<Object> row = new ArrayList<>();
        for (int i = 0; i < SCHEMA.fields().size(); i++) {
            Object value = value(SCHEMA.fields().get(i));
            row.add(value);
            if (value != null || random.nextBoolean()) {
                put(to.column(i), value);
            }
        }
        to.endRow();
        return row;
    }

    @SuppressWarnings("unchecked")
    static void put(ColumnBuilder to, Object value) {
        if (value == null) {
            to.appendNull();
            return;
        }
        switch (to.field().type().kind()) {
            case BOOL:
                to.appendBoolean((Boolean) value);
                break;
            case INT32:
            case DATE32:
                to.appendInt((Integer) value);
                break;
            case INT64:
            case TIMESTAMP_MILLIS:
            case TIMESTAMP_MICROS:
                to.appendLong((Long) value);
                break;
            case FLOAT32:
                to.appendFloat((Float) value);
                break;
            case FLOAT64:
                to.appendDouble((Double) value);
                break;
            case UTF8:
                to.appendString((String) value);
                break;
            case BINARY:
            case FIXED_SIZE_BINARY:
                to.appendBytes((byte[]) value);
                break;
            case DECIMAL128:
                to.appendDecimal((BigDecimal) value);
                break;
            case LIST:
                ((List<Object>) value).forEach(element -> put(to.elements(), element));
                to.endValue();
                break;
            case STRUCT:
                for (int i = 0; i < to.field().children().size(); i++) {
                    put(to.child(i), ((List<Object>) value).get(i));
                }
                to.endValue();
                break;
            case MAP:
                ((Map<String, Object>) value).forEach((key, entry) -> {
                    to.keys().appendString(key);
                    put(to.values(), entry);
                });
                to.endValue();
                break;
            default:
                throw new AssertionError(to.field());
        }
    }

    static Object get(Column from, int row) {
        if (from.isNull(row)) {
            return null;
        }
        switch (from.field().type().kind()) {
            case BOOL:
                return from.getBoolean(row);
            case INT32:
            case DATE32:
                return from.getInt(row);
            case INT64:
            case TIMESTAMP_MILLIS:
            case TIMESTAMP_MICROS:
                return from.getLong(row);
            case FLOAT32:
                return from.getFloat(row);
            case FLOAT64:
                return from.getDouble(row);
            case UTF8:
                return from.getString(row);
            case BINARY:
            case FIXED_SIZE_BINARY:
                return from.getBytes(row);
            case DECIMAL128:
                return from.getDecimal(row);
            case LIST:
                List<Object> list = new ArrayList<>();
                for (int i = from.start(row); i < from.end(row); i++) {
                    list.add(get(from.elements(), i));
                }
                return list;
            case STRUCT:
                List<Object> fields = new ArrayList<>();
                for (int i = 0; i < from.field().children().size(); i++) {
                    fields.add(get(from.child(i), row));
                }
                return fields;
            case MAP:
                Map<String, Object> map = new LinkedHashMap<>();
                for (int i = from.start(row); i < from.end(row); i++) {
                    map.put(from.keys().getString(i), get(from.values(), i));
                }
                return map;
            default:
                throw new AssertionError(from.field());
        }
    }
}
