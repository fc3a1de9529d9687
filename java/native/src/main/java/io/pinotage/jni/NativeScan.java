package io.pinotage.jni;

/** A table that is read, and plans of its scans. Not for use outside of Pinotage: {@code io.pinotage.scan} is. */
public final class NativeScan {
    private NativeScan() {}

    /** The names of all options of a scan. */
    public static native String[] optionNames();

    /** Asks the controller for the table of options. */
    public static native long open(String options);

    /** Writes the columns as an {@code ArrowSchema} to an address. */
    public static native void schema(long table, long to);

    /** Pinot's type of each column. */
    public static native String[] types(long table);

    /** The columns of the primary key. */
    public static native String[] primaryKey(long table);

    /** The time column; null for a table without. */
    public static native String timeColumn(long table);

    /** What becomes of conditions: 0 stays with the engine, 1 is checked again by it, 2 is passed exactly. */
    public static native int[] pushdown(long table, String[] conditions);

    /** Plans a scan; a handle comes back. */
    public static native long plan(long table, String request);

    /** Writes the columns of the rows to come as an {@code ArrowSchema} to an address. */
    public static native void planSchema(long plan, long to);

    /** What is read, by whom and why. */
    public static native String planText(long plan);

    /** What a person should know. */
    public static native String[] planWarnings(long plan);

    /** Exact, aggregated, ordered (1 or 0 each), exact rows or -1, expected rows, expected bytes, requests, splits. */
    public static native long[] planNumbers(long plan);

    /** What the bytes of all splits begin with. */
    public static native byte[] splitHead(long plan);

    /** What the bytes of a split have behind that. */
    public static native byte[] split(long plan, int at);

    /** The hosts of the servers of a split. */
    public static native String[] splitHosts(long plan, int at);

    /** About how many bytes each split gives. */
    public static native long[] splitSizes(long plan);

    /** The partition of each split; -1 for none. */
    public static native int[] splitPartitions(long plan);

    /** What decides on the partition of a row, as {@code PinotPartitioner} reads it; null where splits have several. */
    public static native String[] planPartitioner(long plan);

    /** Frees a table or a plan. */
    public static native void close(long handle);
}
