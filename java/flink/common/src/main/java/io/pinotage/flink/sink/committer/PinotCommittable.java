package io.pinotage.flink.sink.committer;

import io.pinotage.sink.Committable;
import io.pinotage.sink.Lives;
import io.pinotage.sink.StagedFiles;
import java.util.List;
import java.util.Objects;

/** Built segments of a run that are to come into the table together. */
public final class PinotCommittable {
    private final String run;
    private final Lives lives;
    private final List<Committable> segments;
    private final StagedFiles staged;

    /** Without files. */
    public PinotCommittable(String run, Lives lives, List<Committable> segments) {
        this(run, lives, segments, StagedFiles.NONE);
    }

    /**
     * @param run the id of the job's state
     * @param lives the processes that the state knows; a writer knows none
     * @param segments in the order in which they come
     * @param staged of a writer: its life, and the files of earlier lives that its state needs; of the aggregator: lives that are over,
     *     and the files of theirs that stay when the segments are in the table
     */
    public PinotCommittable(String run, Lives lives, List<Committable> segments, StagedFiles staged) {
        this.run = Objects.requireNonNull(run, "run");
        this.lives = Objects.requireNonNull(lives, "lives");
        this.segments = List.copyOf(segments);
        this.staged = Objects.requireNonNull(staged, "staged");
    }

    /** The id of the job's state. */
    public String run() {
        return run;
    }

    /** The processes that the state knows. */
    public Lives lives() {
        return lives;
    }

    /** In the order in which they come. */
    public List<Committable> segments() {
        return segments;
    }

    /** Of a writer, what is its own; of the aggregator, what goes. */
    public StagedFiles staged() {
        return staged;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof PinotCommittable)) {
            return false;
        }
        PinotCommittable that = (PinotCommittable) other;
        return run.equals(that.run)
                && lives.equals(that.lives)
                && segments.equals(that.segments)
                && staged.equals(that.staged);
    }

    @Override
    public int hashCode() {
        return Objects.hash(run, lives, segments, staged);
    }

    @Override
    public String toString() {
        return segments.size() + " segments of run " + run;
    }
}
