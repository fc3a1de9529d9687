package io.pinotage.arrow;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.NativeMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A block of native memory that grows. It is freed by {@link #close}, or by whoever gets it from {@link #give}. */
final class Block implements AutoCloseable {
    /** What a buffer of Java can show. */
    private static final long MOST = Integer.MAX_VALUE - 64;

    /** A batch is most often as large as the one before it, up to this. */
    private static final long MOST_EXPECTED = 1 << 20;

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private long address;
    private ByteBuffer bytes = NOTHING;
    private long expected = 64;

    Block(int size) {
        if (size > 0) {
            address = NativeMemory.allocate(size);
            show(size);
        }
    }

    private void show(long size) {
        bytes = NativeMemory.buffer(address, size).order(ByteOrder.nativeOrder());
    }

    /** The bytes as they lie now; {@link #ensure} may move them. */
    ByteBuffer bytes() {
        return bytes;
    }

    /** The address; 0 for an empty block. */
    long address() {
        return address;
    }

    /** Makes room for so many bytes in all. */
    ByteBuffer ensure(long size) {
        if (size > bytes.capacity()) {
            grow(size);
        }
        return bytes;
    }

    private void grow(long size) {
        if (size > MOST) {
            throw new PinotageException(
                    ErrorKind.RESOURCE_EXHAUSTED,
                    "one column of a batch would have " + size + " bytes, at most " + MOST + " fit",
                    "hand batches over earlier: BatchBuilder.bytes() says how large one is");
        }
        long larger = Math.min(MOST, Math.max(size, Math.max(expected, 2L * bytes.capacity())));
        bytes = NOTHING;
        address = address == 0 ? NativeMemory.allocate(larger) : NativeMemory.reallocate(address, larger);
        show(larger);
    }

    /** Gives the memory away: its address, 0 for an empty block. The block is empty then. */
    long give() {
        long given = address;
        expected = Math.max(expected, Math.min(MOST_EXPECTED, bytes.capacity()));
        address = 0;
        bytes = NOTHING;
        return given;
    }

    @Override
    public void close() {
        long freed = give();
        if (freed != 0) {
            NativeMemory.free(freed);
        }
    }
}
