package io.pinotage.sink;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What a writer has made durable at the end of an epoch. */
public final class Prepared {
    private final List<Committable> committables;
    private final List<OpenBuffer> open;

    Prepared(byte[][] committables, byte[][] open) {
        ArrayList<Committable> segments = new ArrayList<>();
        for (byte[] bytes : committables) {
            segments.add(Committable.fromBytes(bytes));
        }
        ArrayList<OpenBuffer> buffers = new ArrayList<>();
        for (byte[] bytes : open) {
            buffers.add(OpenBuffer.fromBytes(bytes));
        }
        this.committables = Collections.unmodifiableList(segments);
        this.open = Collections.unmodifiableList(buffers);
    }

    /** What is to come into the table, in order. */
    public List<Committable> committables() {
        return committables;
    }

    /** All rows of this and earlier epochs that are in no committable yet; they take the place of what earlier epochs gave. */
    public List<OpenBuffer> open() {
        return open;
    }
}
