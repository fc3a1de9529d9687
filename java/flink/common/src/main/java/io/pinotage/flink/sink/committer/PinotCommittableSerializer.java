package io.pinotage.flink.sink.committer;

import io.pinotage.flink.sink.Versions;
import io.pinotage.sink.Committable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Bytes of {@link PinotCommittable}. Version 1: the run, the number of segments, and the own bytes of each with their length. */
public final class PinotCommittableSerializer implements SimpleVersionedSerializer<PinotCommittable> {
    private static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(PinotCommittable committable) throws IOException {
        return Versions.write(out -> {
            out.writeUTF(committable.run());
            out.writeInt(committable.segments().size());
            for (Committable segment : committable.segments()) {
                Versions.writeBytes(out, segment.toBytes());
            }
        });
    }

    @Override
    public PinotCommittable deserialize(int version, byte[] bytes) throws IOException {
        return Versions.read("segments to commit", version, VERSION, bytes, in -> {
            String run = in.readUTF();
            List<Committable> segments = new ArrayList<>();
            for (int left = Versions.checked(in.readInt(), in); left > 0; left--) {
                segments.add(Committable.fromBytes(Versions.readBytes(in)));
            }
            return new PinotCommittable(run, segments);
        });
    }
}
