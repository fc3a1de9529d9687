package io.pinotage.jni;

/** Batches and schemas of the C data interface. Not for use outside of Pinotage. */
public final class NativeBatch {
    private NativeBatch() {}

    /** The addresses of the functions that release a schema and an array that Java made, and of those for children of either. */
    public static native long[] releaseCallbacks();

    /** Releases an {@code ArrowArray}; one that is released already, or was moved, stays as it is. */
    public static native void releaseArray(long array);

    /** Releases an {@code ArrowSchema}; one that is released already stays as it is. */
    public static native void releaseSchema(long schema);

    /** Moves an {@code ArrowSchema} into the library, checked; a handle comes back. */
    public static native long importSchema(long schema);

    /** Frees a schema that was imported. */
    public static native void closeSchema(long handle);

    /** Moves rows of an array into one of their own at {@code to}, in the order of {@code rows}. */
    public static native void take(long schema, long array, int[] rows, long to);
}
