package io.pinotage.scan;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.CData;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeLibrary;
import io.pinotage.jni.NativeReader;

/**
 * Reads a split. Readers of the same table that are open at the same time in one process share connections, the memory that
 * the option {@code memory} gives them, and the cache of segments. One thread reads; any may cancel.
 */
public final class ScanReader implements AutoCloseable {
    /** How long a call stays in the library before it looks whether its thread was interrupted. */
    private static final long LOOK_MILLIS = 100;

    private final long handle;
    private final ArrowSchema schema;
    private boolean ended;

    private ScanReader(long handle) {
        this.handle = handle;
        this.schema = CData.readSchema(to -> NativeReader.schema(handle, to));
    }

    /**
     * Begins to read.
     *
     * @throws PinotageException {@code unsupported} for a split of a later version
     */
    public static ScanReader open(ScanSplit split) {
        NativeLibrary.load();
        return new ScanReader(NativeReader.open(split.toBytes()));
    }

    /** The columns of all batches. */
    public ArrowSchema schema() {
        return schema;
    }

    /** Whether rows come in the same order when the split is read again; otherwise only all of them are the same. */
    public boolean isRepeatable() {
        return NativeReader.isRepeatable(handle);
    }

    /**
     * Waits for the next batch, which the caller closes.
     *
     * @return null when there are no more
     * @throws PinotageException {@code commit-conflict} when segments were deleted or replaced since the plan was made: a new
     *     plan may be read; {@code cancelled} after {@link #cancel}, or when the thread is interrupted; nothing comes behind it
     */
    public RecordBatch next() {
        while (!ended) {
            RecordBatch batch = poll(LOOK_MILLIS);
            if (batch != null) {
                return batch;
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new PinotageException(ErrorKind.CANCELLED, "the thread that reads was interrupted", "none is needed");
            }
        }
        return null;
    }

    /**
     * The next batch if it comes in time, as {@link #next} gives it.
     *
     * @return null when none came; {@link #isEnded} says whether there are more
     */
    public RecordBatch poll(long millis) {
        if (ended) {
            return null;
        }
        int[] state = new int[1];
        RecordBatch batch = RecordBatch.read(schema, to -> state[0] = NativeReader.poll(handle, to, millis));
        ended = state[0] == 0;
        return batch;
    }

    /** Whether all batches came. */
    public boolean isEnded() {
        return ended;
    }

    /** Ends the reading, from any thread: whoever waits gets an error of kind {@code cancelled}. */
    public void cancel() {
        NativeReader.cancel(handle);
    }

    /** Frees it; batches that it gave live on. */
    @Override
    public void close() {
        NativeReader.close(handle);
    }
}
