package io.pinotage.jni;

import java.nio.ByteBuffer;

/** Memory of the native library. Not for use outside of Pinotage. */
public final class NativeMemory {
    private NativeMemory() {}

    /**
     * A block of memory, aligned to 64 bytes and not cleared. Whoever has its address frees it once, or gives it to somebody
     * who does.
     */
    public static native long allocate(long bytes);

    /** The same block with another size; its address may change. */
    public static native long reallocate(long address, long bytes);

    /** Frees a block. */
    public static native void free(long address);

    /** Bytes at an address, in the order of the machine once {@code order} is set. Nothing keeps them alive. */
    public static native ByteBuffer buffer(long address, long bytes);

    /** Blocks that are allocated and not freed, and their bytes. */
    public static native long[] outstanding();
}
