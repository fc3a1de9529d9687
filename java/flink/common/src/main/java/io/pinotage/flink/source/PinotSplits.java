package io.pinotage.flink.source;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What the enumerator of a source knows: the splits that nobody has, once there is a plan. */
public final class PinotSplits {
    private final boolean planned;
    private final ArrayList<PinotSplit> waiting;

    PinotSplits(boolean planned, Collection<PinotSplit> waiting) {
        this.planned = planned;
        this.waiting = new ArrayList<>(waiting);
    }

    boolean isPlanned() {
        return planned;
    }

    List<PinotSplit> waiting() {
        return waiting;
    }
}
