package io.pinotage.flink.sink;

import io.pinotage.sink.OpenBuffer;
import java.util.Objects;

/**
 * A part of a writer's state: the run that it belongs to, and with it one open buffer or none. A list of them can be handed out
 * to any number of writers.
 */
public final class WriterState {
    private final String run;
    private final int tasks;
    private final OpenBuffer open;

    /**
     * @param run the id of the job's state
     * @param tasks how many writers there were
     * @param open rows that are in no segment yet; null for a writer that has none
     */
    WriterState(String run, int tasks, OpenBuffer open) {
        this.run = Objects.requireNonNull(run, "run");
        this.tasks = tasks;
        this.open = open;
    }

    /** The id of the job's state. */
    public String run() {
        return run;
    }

    /** How many writers there were. */
    public int tasks() {
        return tasks;
    }

    /** Rows that are in no segment yet; null for a writer that had none. */
    public OpenBuffer open() {
        return open;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof WriterState)) {
            return false;
        }
        WriterState that = (WriterState) other;
        return run.equals(that.run) && tasks == that.tasks && Objects.equals(open, that.open);
    }

    @Override
    public int hashCode() {
        return Objects.hash(run, tasks, open);
    }
}
