package io.pinotage.jni;

/** A table as a sink. Not for use outside of Pinotage: {@code io.pinotage.sink} is. */
public final class NativeSink {
    private NativeSink() {}

    /** Resolves options, with the controller's help. */
    public static native long open(String options);

    /** Takes up what {@link #description} gave, without asking anybody. */
    public static native long of(String description);

    /** The resolved sink as text. */
    public static native String description(long sink);

    /** Pinot's type of each column. */
    public static native String[] types(long sink);

    /** Writes the canonical schema as an {@code ArrowSchema} to an address. */
    public static native void schema(long sink, long to);

    /** The columns of the primary key. */
    public static native String[] primaryKey(long sink);

    /** The time column; null for a table without. */
    public static native String timeColumn(long sink);

    /** Milliseconds since 1970 of a number in the time column. */
    public static native long timeMillis(long sink, long value);

    /** The sorted column; null for a table without. */
    public static native String sortedColumn(long sink);

    /** The column that says that a row deletes; null for a table without. */
    public static native String deleteColumn(long sink);

    /** Whether rows take the place of earlier rows of their key. */
    public static native boolean upserts(long sink);

    /** Whether rows go beside a stream. */
    public static native boolean realtime(long sink);

    /** How rows are spread: see {@code PinotPartitioner}. Null for a table without partitions. */
    public static native String[] partitioning(long sink);

    /** What the sink promises: {@code at-least-once}, {@code idempotent} or {@code transactional}. */
    public static native String delivery(long sink);

    /** Whether rows of a partition have to stay together until the input ends. */
    public static native boolean needsEnd(long sink);

    /** Whether the segments of a job take the place of all others. */
    public static native boolean replaces(long sink);

    /** Refuses rows that never fit the table. */
    public static native void check(long sink, long schema);

    /** The partition of each row of an array, which is moved. */
    public static native int[] partitions(long sink, long schema, long array);

    /** Rows of an array, which is moved, that the table does not take: as {@link NativeWriter#write}. */
    public static native String[] rejected(long sink, long schema, long array);

    /** Puts a text where all tasks find it, and reads it there. */
    public static native void writeProbe(long sink, String name, String text);

    /** The text of a probe. */
    public static native String readProbe(long sink, String name);

    /** Removes a probe. */
    public static native void removeProbe(long sink, String name);

    /** Frees the sink; its writers and committers live on. */
    public static native void close(long sink);
}
