package io.pinotage.jni;

/** Reads a split. Not for use outside of Pinotage: {@code io.pinotage.scan} is. */
public final class NativeReader {
    private NativeReader() {}

    /** Begins to read a split. */
    public static native long open(byte[] split);

    /** Writes the columns as an {@code ArrowSchema} to an address. */
    public static native void schema(long reader, long to);

    /** Whether rows come in the same order when the split is read again. */
    public static native boolean isRepeatable(long reader);

    /** Waits for the next batch and writes it to an address: 1; nothing yet: 2; there are no more: 0. */
    public static native int poll(long reader, long to, long millis);

    /** Asks it to stop, from any thread. */
    public static native void cancel(long reader);

    /** Frees the reader. */
    public static native void close(long reader);
}
