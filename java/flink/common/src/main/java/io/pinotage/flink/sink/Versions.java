package io.pinotage.flink.sink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;

/** How bytes in checkpoints are written and read: numbers big-endian, every version for ever. */
public final class Versions {
    private Versions() {}

    /** Writes a value. */
    public interface Writing {
        /** Writes it. */
        void to(DataOutputStream out) throws IOException;
    }

    /** Reads a value. */
    public interface Reading<T> {
        /** Reads it. */
        T from(DataInputStream in) throws IOException;
    }

    /** The bytes of a value. */
    public static byte[] write(Writing value) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        value.to(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    /**
     * The value of bytes.
     *
     * @param what what they are of, for errors
     * @param known the latest version that is known; versions begin with 1
     */
    public static <T> T read(String what, int version, int known, byte[] bytes, Reading<T> reading) throws IOException {
        if (version < 1 || version > known) {
            throw new IOException("the checkpoint has " + what + " of version " + version + ", and this Pinotage knows "
                    + known + ": go on with the Pinotage that wrote it, or a later one");
        }
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        T value = reading.from(in);
        if (in.available() > 0) {
            throw new IOException("the checkpoint's " + what + " has " + in.available() + " bytes too many: it is spoilt");
        }
        return value;
    }

    /** Writes an array with its length. */
    public static void writeBytes(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    /** Reads an array with its length, which has to be there. */
    public static byte[] readBytes(DataInputStream in) throws IOException {
        return in.readNBytes(checked(in.readInt(), in));
    }

    /** A count of things of at least a byte each that are still to be read. */
    public static int checked(int count, DataInputStream in) throws IOException {
        if (count < 0 || count > in.available()) {
            throw new IOException("the checkpoint says " + count + " where " + in.available() + " bytes are left: it is spoilt");
        }
        return count;
    }
}
