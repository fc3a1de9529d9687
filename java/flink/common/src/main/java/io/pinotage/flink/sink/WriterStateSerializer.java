package io.pinotage.flink.sink;

import io.pinotage.sink.OpenBuffer;
import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Bytes of {@link WriterState}. Version 1: the run, the number of writers, 0 or 1, and the buffer's own bytes with their
 * length.
 */
public final class WriterStateSerializer implements SimpleVersionedSerializer<WriterState> {
    private static final int VERSION = 1;

    @Override
    public int getVersion() {
        return VERSION;
    }

    @Override
    public byte[] serialize(WriterState state) throws IOException {
        return Versions.write(out -> {
            out.writeUTF(state.run());
            out.writeInt(state.tasks());
            out.writeBoolean(state.open() != null);
            if (state.open() != null) {
                Versions.writeBytes(out, state.open().toBytes());
            }
        });
    }

    @Override
    public WriterState deserialize(int version, byte[] bytes) throws IOException {
        return Versions.read("a writer's state", version, VERSION, bytes, in -> {
            String run = in.readUTF();
            int tasks = in.readInt();
            OpenBuffer open = in.readBoolean() ? OpenBuffer.fromBytes(Versions.readBytes(in)) : null;
            return new WriterState(run, tasks, open);
        });
    }
}
