package io.pinotage.arrow;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The values of a column of a batch. Each type is read by its own method; what another one would give is not said. It lives as
 * long as its batch.
 */
public final class Column {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final ArrowField field;
    private final int length;
    private final int offset;
    private final long nulls;
    /** Null when all values are there. */
    private ByteBuffer validity;
    private ByteBuffer values = NOTHING;
    private ByteBuffer data = NOTHING;
    private final long[] addresses = new long[3];
    private List<Column> children;

    private Column(ArrowField field, ByteBuffer array) {
        this.field = field;
        this.length = Math.toIntExact(array.getLong(CData.ARRAY_LENGTH));
        this.offset = Math.toIntExact(array.getLong(CData.ARRAY_OFFSET));
        long end = (long) offset + length;
        int buffers = (int) array.getLong(CData.ARRAY_NUM_BUFFERS);
        ByteBuffer pointers = buffers == 0 ? NOTHING : CData.at(array.getLong(CData.ARRAY_BUFFERS), buffers * 8L);
        long bits = (end + 7) >> 3;
        for (int i = 0; i < Math.min(buffers, addresses.length); i++) {
            addresses[i] = pointers.getLong(i * 8);
        }
        this.validity = show(addresses[0], bits, null);
        if (buffers > 1) {
            this.values = show(addresses[1], valueBytes(end, bits), NOTHING);
        }
        if (buffers > 2) {
            int last = values.capacity() == 0 ? 0 : values.getInt((int) end << 2);
            this.data = show(addresses[2], last, NOTHING);
        }
        this.children = children(field.children(), array);
        long counted = array.getLong(CData.ARRAY_NULL_COUNT);
        this.nulls = validity == null ? 0 : counted >= 0 ? counted : count();
    }

    private long valueBytes(long end, long bits) {
        switch (field.type().kind()) {
            case BOOL:
                return bits;
            case UTF8:
            case BINARY:
            case LIST:
            case MAP:
                return (end + 1) << 2;
            default:
                return end * field.type().byteWidth();
        }
    }

    private static ByteBuffer show(long address, long bytes, ByteBuffer otherwise) {
        if (bytes > Integer.MAX_VALUE) {
            throw new PinotageException(
                    ErrorKind.RESOURCE_EXHAUSTED,
                    "a column of a batch has " + bytes + " bytes, more than Java can show",
                    "read smaller batches");
        }
        return address == 0 || bytes == 0 ? otherwise : CData.at(address, bytes);
    }

    static List<Column> children(List<ArrowField> fields, ByteBuffer array) {
        List<Column> columns = new ArrayList<>(fields.size());
        if (fields.isEmpty()) {
            return columns;
        }
        ByteBuffer pointers = CData.at(array.getLong(CData.ARRAY_CHILDREN), fields.size() * 8L);
        for (int i = 0; i < fields.size(); i++) {
            columns.add(new Column(fields.get(i), CData.at(pointers.getLong(i * 8), CData.ARRAY_BYTES)));
        }
        return columns;
    }

    private long count() {
        long count = 0;
        for (int i = 0; i < length; i++) {
            count += isNull(i) ? 1 : 0;
        }
        return count;
    }

    /** The memory is going: no value can be read any more. */
    void forget() {
        validity = NOTHING;
        values = NOTHING;
        data = NOTHING;
        Arrays.fill(addresses, 0);
        children.forEach(Column::forget);
    }

    /** The column. */
    public ArrowField field() {
        return field;
    }

    /** The number of values. */
    public int length() {
        return length;
    }

    /** The number of nulls. */
    public long nulls() {
        return nulls;
    }

    /** Whether a value is null. */
    public boolean isNull(int row) {
        return validity != null && bit(validity, row) == 0;
    }

    private int bit(ByteBuffer bits, int row) {
        int at = offset + row;
        return bits.get(at >> 3) >> (at & 7) & 1;
    }

    /** A value of a BOOL column. */
    public boolean getBoolean(int row) {
        return bit(values, row) != 0;
    }

    /** A value of an INT32 or DATE32 column. */
    public int getInt(int row) {
        return values.getInt((offset + row) << 2);
    }

    /** A value of an INT64 or timestamp column. */
    public long getLong(int row) {
        return values.getLong((offset + row) << 3);
    }

    /** A value of a FLOAT32 column. */
    public float getFloat(int row) {
        return values.getFloat((offset + row) << 2);
    }

    /** A value of a FLOAT64 column. */
    public double getDouble(int row) {
        return values.getDouble((offset + row) << 3);
    }

    /** A value of a DECIMAL128 column. */
    public BigDecimal getDecimal(int row) {
        int at = (offset + row) << 4;
        boolean little = values.order() == ByteOrder.LITTLE_ENDIAN;
        long low = values.getLong(little ? at : at + 8);
        long high = values.getLong(little ? at + 8 : at);
        BigInteger unscaled = BigInteger.valueOf(high)
                .shiftLeft(64)
                .add(BigInteger.valueOf(low >>> 1).shiftLeft(1).add(BigInteger.valueOf(low & 1)));
        return new BigDecimal(unscaled, field.type().scale());
    }

    /** The bytes of a value of a UTF8, BINARY or FIXED_SIZE_BINARY column. */
    public byte[] getBytes(int row) {
        int width = field.type().byteWidth();
        ByteBuffer from = (width > 0 ? values : data).duplicate();
        int start = width > 0 ? (offset + row) * width : start(row);
        byte[] bytes = new byte[width > 0 ? width : end(row) - start];
        from.position(start);
        from.get(bytes);
        return bytes;
    }

    /** A value of a UTF8 column. */
    public String getString(int row) {
        return new String(getBytes(row), StandardCharsets.UTF_8);
    }

    /** Where a value begins: a text in its bytes, a list in its elements, a map in its entries. */
    public int start(int row) {
        return values.getInt((offset + row) << 2);
    }

    /** Where a value ends, as {@link #start}. */
    public int end(int row) {
        return values.getInt((offset + row + 1) << 2);
    }

    /** The bytes of all texts, for reading them without copies; see {@link #start}. */
    public ByteBuffer data() {
        return data.duplicate().order(ByteOrder.nativeOrder());
    }

    /**
     * Where the buffers lie, for engines that read memory themselves: validity (0 when all values are there), values or offsets,
     * and the bytes of texts. Row {@code r} is {@link #offset} + r of them. Not for use outside of Pinotage's own modules: what reads
     * there must not outlive the batch.
     */
    public long address(int buffer) {
        return addresses[buffer];
    }

    /** The place of the first value in its buffers. */
    public int offset() {
        return offset;
    }

    /** The elements of all lists. */
    public Column elements() {
        return children.get(0);
    }

    /** The keys of all maps. */
    public Column keys() {
        return children.get(0).children.get(0);
    }

    /** The values of all maps. */
    public Column values() {
        return children.get(0).children.get(1);
    }

    /** A field of a struct; row {@code r} of it is row {@code r} of this one. */
    public Column child(int index) {
        return children.get(index);
    }
}
