package io.pinotage.arrow;

import io.pinotage.jni.NativeLibrary;
import io.pinotage.jni.NativeMemory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes batches, row by row, in memory of the native library.
 *
 * <pre>{@code
 * builder.column(0).appendLong(7);
 * builder.column(1).appendString("Rome");
 * builder.endRow();
 * ...
 * writer.write(builder.finish());
 * }</pre>
 *
 * <p>One thread uses it. It can be used again after {@link #finish}.
 */
public final class BatchBuilder implements AutoCloseable {
    private static final long GOOD_BYTES = 4 << 20;
    private static final int ROWS_BETWEEN_LOOKS = 32;

    private final ArrowSchema schema;
    private final List<ColumnBuilder> columns;
    private int rows;

    /** A builder of batches of these columns. */
    public BatchBuilder(ArrowSchema schema) {
        NativeLibrary.load();
        this.schema = schema;
        this.columns = new ArrayList<>();
        for (ArrowField field : schema.fields()) {
            columns.add(new ColumnBuilder(field));
        }
    }

    /** The columns. */
    public ArrowSchema schema() {
        return schema;
    }

    /** A column, to append the value of the row under way to. */
    public ColumnBuilder column(int index) {
        return columns.get(index);
    }

    /**
     * Ends a row. Columns that got no value have null.
     *
     * @throws IllegalStateException when a column got several
     */
    public void endRow() {
        for (int i = 0; i < columns.size(); i++) {
            ColumnBuilder column = columns.get(i);
            if (column.length() == rows) {
                column.appendNull();
            } else if (column.length() != rows + 1) {
                throw new IllegalStateException("column `" + column.field().name() + "` got several values in one row");
            }
        }
        rows++;
    }

    /** Forgets the row under way. */
    public void dropRow() {
        for (ColumnBuilder column : columns) {
            column.truncate(rows);
        }
    }

    /** The rows so far. */
    public int rows() {
        return rows;
    }

    /** Whether a batch of at most so many rows is to be handed over: it has them, or some megabytes. */
    public boolean isFull(int maxRows) {
        return rows >= maxRows || rows % ROWS_BETWEEN_LOOKS == 0 && bytes() >= GOOD_BYTES;
    }

    /** The bytes that they take, at least. A batch of some megabytes is a good one. */
    public long bytes() {
        long bytes = 0;
        for (int i = 0; i < columns.size(); i++) {
            bytes += columns.get(i).bytes();
        }
        return bytes;
    }

    /** The rows so far as a batch; the builder is empty then. A row under way is forgotten. */
    public RecordBatch finish() {
        dropRow();
        int size = 8;
        for (ColumnBuilder column : columns) {
            size += column.structBytes();
        }
        long struct = NativeMemory.allocate(CData.ARRAY_BYTES);
        long base = NativeMemory.allocate(size);
        ByteBuffer head = CData.at(struct, CData.ARRAY_BYTES);
        ByteBuffer body = CData.at(base, size);
        head.putLong(CData.ARRAY_LENGTH, rows);
        head.putLong(CData.ARRAY_NULL_COUNT, 0);
        head.putLong(CData.ARRAY_OFFSET, 0);
        head.putLong(CData.ARRAY_NUM_BUFFERS, 1);
        head.putLong(CData.ARRAY_NUM_CHILDREN, columns.size());
        head.putLong(CData.ARRAY_BUFFERS, base);
        head.putLong(CData.ARRAY_DICTIONARY, 0);
        head.putLong(CData.ARRAY_RELEASE, CData.releaseArray());
        head.putLong(CData.ARRAY_PRIVATE, base);
        body.putLong(0);
        ColumnBuilder.giveChildren(columns, head, 0, body, base);
        rows = 0;
        return new RecordBatch(schema, struct);
    }

    /** Frees what it has. */
    @Override
    public void close() {
        for (ColumnBuilder column : columns) {
            column.close();
        }
        rows = 0;
    }
}
