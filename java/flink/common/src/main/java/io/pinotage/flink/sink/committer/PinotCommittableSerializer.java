package io.pinotage.flink.sink.committer;

import io.pinotage.flink.sink.Versions;
import io.pinotage.sink.Committable;
import io.pinotage.sink.Lives;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Bytes of {@link PinotCommittable}. Version 2: the run, the lives with their length, the number of segments, and the own bytes of each with
 * their length. Version 1 had no lives.
 */
public final class PinotCommittableSerializer implements SimpleVersionedSerializer<PinotCommittable> {
    private static final int VERSION = 2;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(PinotCommittable committable) throws IOException {
        return Versions.write(out -> {
            out.writeUTF(committable.run());
            Versions.writeBytes(out, committable.lives().toBytes());
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
            Lives lives = version == 1 ? Lives.NONE : Lives.fromBytes(Versions.readBytes(in));
            List<Committable> segments = new ArrayList<>();
            for (int left = Versions.checked(in.readInt(), in); left > 0; left--) {
                segments.add(Committable.fromBytes(Versions.readBytes(in)));
            }
            return new PinotCommittable(run, lives, segments);
        });
    }
}
