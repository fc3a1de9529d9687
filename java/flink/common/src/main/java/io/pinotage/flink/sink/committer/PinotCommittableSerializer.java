package io.pinotage.flink.sink.committer;

import io.pinotage.flink.sink.Versions;
import io.pinotage.sink.Committable;
import io.pinotage.sink.Lives;
import io.pinotage.sink.StagedFiles;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Bytes of {@link PinotCommittable}. Version 3: the run, the lives with their length, the number of segments, and the own bytes of each with
 * their length; then lives and files of what is staged, each with its number. Version 2 had nothing staged, and version 1 no lives.
 */
public final class PinotCommittableSerializer implements SimpleVersionedSerializer<PinotCommittable> {
    private static final int VERSION = 3;

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
            writeTexts(out, committable.staged().lives());
            writeTexts(out, committable.staged().needed());
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
            StagedFiles staged = version < 3 ? StagedFiles.NONE : new StagedFiles(readTexts(in), readTexts(in));
            return new PinotCommittable(run, lives, segments, staged);
        });
    }

    private static void writeTexts(DataOutputStream out, List<String> texts) throws IOException {
        out.writeInt(texts.size());
        for (String text : texts) {
            out.writeUTF(text);
        }
    }

    private static List<String> readTexts(DataInputStream in) throws IOException {
        List<String> texts = new ArrayList<>();
        for (int left = Versions.checked(in.readInt(), in); left > 0; left--) {
            texts.add(in.readUTF());
        }
        return texts;
    }
}
