package io.pinotage.sink;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Rows of recorded epochs that are in no committable yet, as versioned bytes. Buffers of all tasks are handed out by their
 * partition when a job goes on: partition {@code p} belongs to task {@code p % tasks}.
 */
public final class OpenBuffer {
    private final byte[] bytes;

    private OpenBuffer(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Takes bytes up as they were written. */
    public static OpenBuffer fromBytes(byte[] bytes) {
        return new OpenBuffer(bytes.clone());
    }

    /** The bytes. */
    public byte[] toBytes() {
        return bytes.clone();
    }

    /** The partition. */
    public int partition() {
        return ByteBuffer.wrap(bytes).getInt(4);
    }

    /** The rows. */
    public long rows() {
        return ByteBuffer.wrap(bytes).getLong(8);
    }

    /** Which of so many tasks goes on with it. */
    public int task(int tasks) {
        return Integer.remainderUnsigned(partition(), tasks);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof OpenBuffer && Arrays.equals(bytes, ((OpenBuffer) other).bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }
}
