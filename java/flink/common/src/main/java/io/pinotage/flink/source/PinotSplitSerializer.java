package io.pinotage.flink.source;

import io.pinotage.scan.ScanSplit;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Splits as bytes: id, rows that were given, and the split as the library writes it. The same in every line of Flink. */
public final class PinotSplitSerializer implements SimpleVersionedSerializer<PinotSplit> {
    private static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(PinotSplit split) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        write(split, new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    @Override
    public PinotSplit deserialize(int version, byte[] bytes) throws IOException {
        check("splits", version, VERSION);
        return read(new DataInputStream(new ByteArrayInputStream(bytes)));
    }

    static void write(PinotSplit split, DataOutputStream out) throws IOException {
        byte[] inner = split.split().toBytes();
        out.writeUTF(split.splitId());
        out.writeLong(split.rows());
        out.writeInt(inner.length);
        out.write(inner);
    }

    static PinotSplit read(DataInputStream in) throws IOException {
        String id = in.readUTF();
        long rows = in.readLong();
        int length = in.readInt();
        if (length < 0 || length > in.available()) {
            throw new IOException("bytes of a split make no sense");
        }
        byte[] inner = new byte[length];
        in.readFully(inner);
        return PinotSplit.of(id, ScanSplit.of(inner), rows);
    }

    static void check(String what, int found, int known) throws IOException {
        if (found != known) {
            throw new IOException("the state has " + what + " of version " + found + ", and this jar reads " + known
                    + ": restore it with the version that wrote it");
        }
    }
}
