package io.pinotage.arrow;

import io.pinotage.jni.NativeBatch;
import io.pinotage.jni.NativeMemory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * Rows in native memory: an {@code ArrowArray}. It is freed by {@link #close}; who consumes it frees it too, and closing it once
 * more does nothing. Its columns must not be read any more then. One thread uses it.
 */
public final class RecordBatch implements AutoCloseable {
    private final ArrowSchema schema;
    private final int rows;
    private long struct;
    private List<Column> columns;

    RecordBatch(ArrowSchema schema, long struct) {
        this.schema = schema;
        this.struct = struct;
        this.rows = Math.toIntExact(CData.at(struct, CData.ARRAY_BYTES).getLong(CData.ARRAY_LENGTH));
    }

    /**
     * Takes rows from native code. Not for use outside of Pinotage's own modules.
     *
     * @param export gets the address to which it writes an {@code ArrowArray}; it leaves it released when there are no rows
     * @return null when it was left released
     */
    public static RecordBatch read(ArrowSchema schema, LongConsumer export) {
        long struct = NativeMemory.allocate(CData.ARRAY_BYTES);
        try {
            ByteBuffer bytes = CData.at(struct, CData.ARRAY_BYTES);
            bytes.putLong(CData.ARRAY_RELEASE, 0);
            export.accept(struct);
            if (bytes.getLong(CData.ARRAY_RELEASE) != 0) {
                RecordBatch batch = new RecordBatch(schema, struct);
                struct = 0;
                return batch;
            }
            return null;
        } finally {
            if (struct != 0) {
                NativeMemory.free(struct);
            }
        }
    }

    /** The columns' names and types. */
    public ArrowSchema schema() {
        return schema;
    }

    /** The number of rows. */
    public int rows() {
        return rows;
    }

    /** A column, to read. */
    public Column column(int index) {
        if (columns == null) {
            columns = Column.children(schema.fields(), CData.at(address(), CData.ARRAY_BYTES));
        }
        return columns.get(index);
    }

    /** The struct's address, for native code that consumes it. Not for use outside of Pinotage's own modules. */
    public long address() {
        if (struct == 0) {
            throw new IllegalStateException("the batch is closed");
        }
        return struct;
    }

    /** Some of the rows as a batch of their own, in this order; this one is consumed. */
    public RecordBatch take(int[] rows) {
        try {
            return CData.withSchema(
                    schema, imported -> read(schema, to -> NativeBatch.take(imported, address(), rows, to)));
        } finally {
            close();
        }
    }

    @Override
    public void close() {
        if (struct == 0) {
            return;
        }
        if (columns != null) {
            columns.forEach(Column::forget);
            columns = null;
        }
        long freed = struct;
        struct = 0;
        NativeBatch.releaseArray(freed);
        NativeMemory.free(freed);
    }
}
