package io.pinotage.flink.source;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The enumerator's state as bytes: whether there is a plan, and the splits that nobody has. */
public final class PinotSplitsSerializer implements SimpleVersionedSerializer<PinotSplits> {
    private static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(PinotSplits splits) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeBoolean(splits.isPlanned());
        out.writeInt(splits.waiting().size());
        for (PinotSplit split : splits.waiting()) {
            PinotSplitSerializer.write(split, out);
        }
        return bytes.toByteArray();
    }

    @Override
    public PinotSplits deserialize(int version, byte[] bytes) throws IOException {
        PinotSplitSerializer.check("a plan", version, VERSION);
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        boolean planned = in.readBoolean();
        List<PinotSplit> splits = new ArrayList<>();
        for (int left = in.readInt(); left > 0; left--) {
            splits.add(PinotSplitSerializer.read(in));
        }
        return new PinotSplits(planned, splits);
    }
}
