package io.pinotage.sink;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** A built segment in staging that is to come into the table, as versioned bytes. */
public final class Committable {
    private final byte[] bytes;

    private Committable(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Takes bytes up as they were written, of this or an earlier version; {@link SinkCommitter} refuses later ones. */
    public static Committable fromBytes(byte[] bytes) {
        return new Committable(bytes.clone());
    }

    /** The bytes. */
    public byte[] toBytes() {
        return bytes.clone();
    }

    /** The epoch in which the segment was sealed. */
    public long epoch() {
        return ByteBuffer.wrap(bytes).getLong(4);
    }

    /** The rows of the segment. */
    public long rows() {
        return ByteBuffer.wrap(bytes).getLong(12);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Committable && Arrays.equals(bytes, ((Committable) other).bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }
}
