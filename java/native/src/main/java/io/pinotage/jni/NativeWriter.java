package io.pinotage.jni;

/** The writer of a task. Not for use outside of Pinotage: {@code io.pinotage.sink} is. */
public final class NativeWriter {
    private NativeWriter() {}

    /**
     * Opens a writer for rows of a schema. {@code memory} in bytes; 0 for the share that the options give. {@code apart} if the table may
     * have segments of later epochs than the one that it goes on behind.
     */
    public static native long open(
            long sink, long schema, String run, long epoch, int task, int tasks, long memory, boolean apart, byte[][] open);

    /**
     * Takes the rows of an array, which is moved. Rows that the table does not take come back, five texts each: number in the
     * batch, column or null, rule, message, the row as JSON.
     */
    public static native String[] write(long writer, long array);

    /** Counts rows that no batch can have. */
    public static native void refused(long writer, long rows, String message);

    /** Ends an epoch: committables and open buffers. */
    public static native byte[][][] prepare(long writer, long epoch, boolean last);

    /** The writer's life, and behind it the files of other lives that open buffers of it are in. */
    public static native String[] staged(long writer, byte[][] open);

    /** The number of the epoch under way. */
    public static native void beginEpoch(long writer, long epoch);

    /** How far the time is. */
    public static native void watermark(long writer, long millis);

    /** So much memory from now on, in bytes, and what is more is free; false when that cannot be. */
    public static native boolean shrink(long writer, long memory);

    /** The epoch is recorded. */
    public static native void recorded(long writer, long epoch);

    /** Names and values of counters, in turn. */
    public static native String[] metrics(long writer);

    /** Asks it to stop, from any thread. */
    public static native void cancel(long writer);

    /** Frees the writer; its threads have ended when this returns. */
    public static native void close(long writer);
}
