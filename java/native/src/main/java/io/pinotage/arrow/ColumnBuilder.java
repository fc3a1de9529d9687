package io.pinotage.arrow;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The values of a column of a batch under way. Each call appends one value; none makes an object or leaves Java, except now
 * and then to make room.
 *
 * <p>A column takes the calls of its own type; another one is an {@link UnsupportedOperationException}. Lists and maps are
 * written in two steps: the elements (or {@link #keys} and {@link #values}) get theirs, then {@link #endValue} ends the list.
 */
public final class ColumnBuilder implements AutoCloseable {
    private static final int LEAST = 64;
    private static final BigInteger LONG_MASK = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

    private final ArrowField field;
    private final ArrowType.Kind kind;
    private final int width;
    private final List<ColumnBuilder> children;
    /** Bit by bit whether there is a value; empty while all are there. */
    private Block validity = new Block(0);
    /** Values of fixed width, bits, or offsets. */
    private Block values = new Block(0);
    /** The bytes of texts. */
    private Block data = new Block(0);

    private int length;
    private int nulls;
    private int dataLength;

    ColumnBuilder(ArrowField field) {
        this.field = field;
        this.kind = field.type().kind();
        this.width = field.type().byteWidth();
        ArrayList<ColumnBuilder> children = new ArrayList<>();
        for (ArrowField child : field.children()) {
            children.add(new ColumnBuilder(child));
        }
        this.children = Collections.unmodifiableList(children);
    }

    /** The column. */
    public ArrowField field() {
        return field;
    }

    /** The values so far. */
    public int length() {
        return length;
    }

    /** The bytes that the values take, at least. */
    public long bytes() {
        long bytes = (long) dataLength + (long) length * (hasOffsets() ? 4 : width) + (length >> 3) * 2L;
        for (ColumnBuilder child : children) {
            bytes += child.bytes();
        }
        return bytes;
    }

    private boolean hasOffsets() {
        switch (kind) {
            case UTF8:
            case BINARY:
            case LIST:
            case MAP:
                return true;
            default:
                return false;
        }
    }

    /** Appends a null. What that means where the field is not nullable is the sink's to say: it takes the column's default. */
    public void appendNull() {
        if (nulls == 0) {
            firstNull();
        }
        setValidity(length, false);
        nulls++;
        if (kind == ArrowType.Kind.STRUCT) {
            for (ColumnBuilder child : children) {
                child.appendNull();
            }
        } else if (hasOffsets()) {
            putOffset();
        } else if (kind == ArrowType.Kind.BOOL) {
            setBit(values, length, false);
        } else {
            ByteBuffer bytes = values.ensure((long) (length + 1) * width);
            for (int i = length * width; i < (length + 1) * width; i++) {
                bytes.put(i, (byte) 0);
            }
        }
        length++;
    }

    /** All values before the first null are there. */
    private void firstNull() {
        ByteBuffer bits = validity.ensure(Math.max(LEAST, (length >> 3) + 1));
        for (int i = 0; i <= length >> 3; i++) {
            bits.put(i, (byte) 0xff);
        }
    }

    private void setValidity(int at, boolean isThere) {
        setBit(validity, at, isThere);
    }

    private static void setBit(Block block, int at, boolean value) {
        int place = at >> 3;
        ByteBuffer bits = block.ensure(place + 1L);
        int mask = 1 << (at & 7);
        // The first bit of a byte clears those behind it.
        int old = (at & 7) == 0 ? 0 : bits.get(place);
        bits.put(place, (byte) (value ? old | mask : old & ~mask));
    }

    private void appended() {
        if (nulls > 0) {
            setValidity(length, true);
        }
        length++;
    }

    private void expect(ArrowType.Kind... kinds) {
        for (ArrowType.Kind expected : kinds) {
            if (kind == expected) {
                return;
            }
        }
        throw new UnsupportedOperationException("column `" + field.name() + "` is of type " + field.type());
    }

    /** Appends to a BOOL column. */
    public void appendBoolean(boolean value) {
        if (kind != ArrowType.Kind.BOOL) {
            expect(ArrowType.Kind.BOOL);
        }
        setBit(values, length, value);
        appended();
    }

    /** Appends to an INT32 or DATE32 column (days since 1970). */
    public void appendInt(int value) {
        if (kind != ArrowType.Kind.INT32) {
            expect(ArrowType.Kind.DATE32);
        }
        values.ensure((length + 1L) << 2).putInt(length << 2, value);
        appended();
    }

    /** Appends to an INT64 or timestamp column (its unit since 1970). */
    public void appendLong(long value) {
        if (kind != ArrowType.Kind.INT64) {
            expect(ArrowType.Kind.TIMESTAMP_MILLIS, ArrowType.Kind.TIMESTAMP_MICROS);
        }
        values.ensure((length + 1L) << 3).putLong(length << 3, value);
        appended();
    }

    /** Appends to a FLOAT32 column. */
    public void appendFloat(float value) {
        if (kind != ArrowType.Kind.FLOAT32) {
            expect(ArrowType.Kind.FLOAT32);
        }
        values.ensure((length + 1L) << 2).putFloat(length << 2, value);
        appended();
    }

    /** Appends to a FLOAT64 column. */
    public void appendDouble(double value) {
        if (kind != ArrowType.Kind.FLOAT64) {
            expect(ArrowType.Kind.FLOAT64);
        }
        values.ensure((length + 1L) << 3).putDouble(length << 3, value);
        appended();
    }

    /** Appends to a BINARY column, to a FIXED_SIZE_BINARY column of so many bytes, or UTF-8 to a UTF8 column. */
    public void appendBytes(byte[] value) {
        appendBytes(value, 0, value.length);
    }

    /** Appends a part of an array, as {@link #appendBytes(byte[])}. */
    public void appendBytes(byte[] value, int start, int count) {
        if (kind == ArrowType.Kind.FIXED_SIZE_BINARY) {
            if (count != width) {
                throw new IllegalArgumentException(
                        "column `" + field.name() + "` has values of " + width + " bytes, found " + count);
            }
            ByteBuffer bytes = values.ensure((length + 1L) * width);
            bytes.position(length * width);
            bytes.put(value, start, count);
            appended();
            return;
        }
        if (kind != ArrowType.Kind.UTF8) {
            expect(ArrowType.Kind.BINARY);
        }
        ByteBuffer bytes = data.ensure((long) dataLength + count);
        bytes.position(dataLength);
        bytes.put(value, start, count);
        dataLength += count;
        putOffset();
        appended();
    }

    /** Appends to a UTF8 column. A half of a pair that stands alone becomes a question mark. */
    public void appendString(CharSequence value) {
        if (kind != ArrowType.Kind.UTF8) {
            expect(ArrowType.Kind.UTF8);
        }
        int count = value.length();
        ByteBuffer bytes = data.ensure(dataLength + 3L * count);
        int at = dataLength;
        for (int i = 0; i < count; i++) {
            char unit = value.charAt(i);
            if (unit < 0x80) {
                bytes.put(at++, (byte) unit);
            } else if (unit < 0x800) {
                bytes.put(at++, (byte) (0xc0 | unit >> 6));
                bytes.put(at++, (byte) (0x80 | unit & 0x3f));
            } else if (!Character.isSurrogate(unit)) {
                bytes.put(at++, (byte) (0xe0 | unit >> 12));
                bytes.put(at++, (byte) (0x80 | unit >> 6 & 0x3f));
                bytes.put(at++, (byte) (0x80 | unit & 0x3f));
            } else if (Character.isHighSurrogate(unit)
                    && i + 1 < count
                    && Character.isLowSurrogate(value.charAt(i + 1))) {
                int point = Character.toCodePoint(unit, value.charAt(++i));
                bytes.put(at++, (byte) (0xf0 | point >> 18));
                bytes.put(at++, (byte) (0x80 | point >> 12 & 0x3f));
                bytes.put(at++, (byte) (0x80 | point >> 6 & 0x3f));
                bytes.put(at++, (byte) (0x80 | point & 0x3f));
            } else {
                bytes.put(at++, (byte) '?');
            }
        }
        dataLength = at;
        putOffset();
        appended();
    }

    /** Appends to a DECIMAL128 column an unscaled value: the number times ten to the {@code scale}. */
    public void appendDecimal(long unscaled) {
        expect(ArrowType.Kind.DECIMAL128);
        putDecimal(unscaled, unscaled >> 63);
    }

    /**
     * Appends to a DECIMAL128 column, or the plain text to a UTF8 column.
     *
     * @throws ArithmeticException when the value has more digits than the column
     */
    public void appendDecimal(BigDecimal value) {
        if (kind == ArrowType.Kind.UTF8) {
            appendString(value.toPlainString());
            return;
        }
        expect(ArrowType.Kind.DECIMAL128);
        BigDecimal scaled = value.setScale(field.type().scale());
        if (scaled.precision() > field.type().precision()) {
            throw new ArithmeticException(value + " does not fit " + field.type() + " of column `" + field.name() + "`");
        }
        BigInteger unscaled = scaled.unscaledValue();
        putDecimal(unscaled.and(LONG_MASK).longValue(), unscaled.shiftRight(64).longValue());
    }

    private void putDecimal(long low, long high) {
        ByteBuffer bytes = values.ensure((length + 1L) << 4);
        boolean little = bytes.order() == java.nio.ByteOrder.LITTLE_ENDIAN;
        bytes.putLong(length << 4, little ? low : high);
        bytes.putLong((length << 4) + 8, little ? high : low);
        appended();
    }

    /** The elements of the list under way. */
    public ColumnBuilder elements() {
        expect(ArrowType.Kind.LIST);
        return children.get(0);
    }

    /** The keys of the map under way. */
    public ColumnBuilder keys() {
        expect(ArrowType.Kind.MAP);
        return children.get(0).children.get(0);
    }

    /** The values of the map under way, as many as keys. */
    public ColumnBuilder values() {
        expect(ArrowType.Kind.MAP);
        return children.get(0).children.get(1);
    }

    /** A field of the struct under way; each has one more value when {@link #endValue} is called. */
    public ColumnBuilder child(int index) {
        expect(ArrowType.Kind.STRUCT);
        return children.get(index);
    }

    /** Ends a list, map or struct. */
    public void endValue() {
        if (kind == ArrowType.Kind.STRUCT) {
            for (ColumnBuilder child : children) {
                if (child.length != length + 1) {
                    throw new IllegalStateException("`" + field.name() + "` lacks a value of `" + child.field.name() + "`");
                }
            }
        } else {
            expect(ArrowType.Kind.LIST, ArrowType.Kind.MAP);
            if (kind == ArrowType.Kind.MAP) {
                endEntries();
            }
            putOffset();
        }
        appended();
    }

    private void endEntries() {
        ColumnBuilder entries = children.get(0);
        int keys = entries.children.get(0).length;
        if (entries.children.get(1).length != keys) {
            throw new IllegalStateException("a map of `" + field.name() + "` has not as many values as keys");
        }
        while (entries.length < keys) {
            entries.appended();
        }
    }

    /** The end of the value that is being appended. */
    private void putOffset() {
        int end = kind == ArrowType.Kind.LIST || kind == ArrowType.Kind.MAP ? children.get(0).length : dataLength;
        ByteBuffer offsets = values.ensure((length + 2L) << 2);
        if (length == 0) {
            offsets.putInt(0, 0);
        }
        offsets.putInt((length + 1) << 2, end);
    }

    /** Forgets all values from {@code count} on. */
    void truncate(int count) {
        switch (kind) {
            case STRUCT:
                for (ColumnBuilder child : children) {
                    child.truncate(count);
                }
                break;
            case LIST:
                children.get(0).truncate(offset(count));
                break;
            case MAP:
                // Keys and values of a map that was not ended are in no entry yet.
                children.get(0).truncate(offset(count));
                break;
            case UTF8:
            case BINARY:
                dataLength = offset(count);
                break;
            default:
        }
        if (count >= length) {
            return;
        }
        for (int i = count; i < length && nulls > 0; i++) {
            if ((validity.bytes().get(i >> 3) >> (i & 7) & 1) == 0) {
                nulls--;
            }
        }
        length = count;
    }

    private int offset(int at) {
        return length == 0 ? 0 : values.bytes().getInt(Math.min(at, length) << 2);
    }

    /** Gives the values away: fills an {@code ArrowArray} at {@code at} of {@code body}, and is empty then. */
    void give(ByteBuffer to, int at, ByteBuffer body, long base) {
        int buffers = kind == ArrowType.Kind.STRUCT ? 1 : kind == ArrowType.Kind.UTF8 || kind == ArrowType.Kind.BINARY ? 3 : 2;
        if (hasOffsets() && length == 0) {
            values.ensure(4).putInt(0, 0);
        }
        to.putLong(at + CData.ARRAY_LENGTH, length);
        to.putLong(at + CData.ARRAY_NULL_COUNT, nulls);
        to.putLong(at + CData.ARRAY_OFFSET, 0);
        to.putLong(at + CData.ARRAY_NUM_BUFFERS, buffers);
        to.putLong(at + CData.ARRAY_NUM_CHILDREN, children.size());
        to.putLong(at + CData.ARRAY_DICTIONARY, 0);
        to.putLong(at + CData.ARRAY_RELEASE, CData.releaseChildArray());
        to.putLong(at + CData.ARRAY_PRIVATE, 0);
        to.putLong(at + CData.ARRAY_BUFFERS, base + body.position());
        if (nulls == 0) {
            validity.close();
        }
        body.putLong(validity.give());
        if (buffers > 1) {
            values.ensure(1);
            body.putLong(values.give());
        }
        if (buffers > 2) {
            data.ensure(1);
            body.putLong(data.give());
        }
        giveChildren(children, to, at, body, base);
        length = 0;
        nulls = 0;
        dataLength = 0;
    }

    static void giveChildren(List<ColumnBuilder> children, ByteBuffer to, int at, ByteBuffer body, long base) {
        int pointers = body.position();
        int structs = pointers + children.size() * 8;
        to.putLong(at + CData.ARRAY_CHILDREN, children.isEmpty() ? 0 : base + pointers);
        body.position(structs + children.size() * CData.ARRAY_BYTES);
        for (int i = 0; i < children.size(); i++) {
            int child = structs + i * CData.ARRAY_BYTES;
            body.putLong(pointers + i * 8, base + child);
            children.get(i).give(body, child, body, base);
        }
    }

    /** The bytes of the structs and pointers of this column and all in it. */
    int structBytes() {
        int bytes = CData.ARRAY_BYTES + 8 + 3 * 8;
        for (ColumnBuilder child : children) {
            bytes += child.structBytes();
        }
        return bytes;
    }

    @Override
    public void close() {
        validity.close();
        values.close();
        data.close();
        for (ColumnBuilder child : children) {
            child.close();
        }
    }
}
