package io.pinotage.sink;

import java.util.Objects;

/** Which writer of a job one is, and behind which epoch it goes on. */
public final class TaskContext {
    private final String run;
    private final long epoch;
    private final int task;
    private final int tasks;
    private final long memoryBytes;
    private final boolean isApart;

    /**
     * Writer {@code task}, from 0, of {@code tasks}.
     *
     * @param run 16 hexadecimal digits, drawn when the job's state was made and kept in it: {@link #newRun}
     * @param epoch the last epoch that was recorded; 0 before the first. The next {@link SinkWriter#prepare} ends
     *     {@code epoch + 1}
     * @param memoryBytes memory for open segments and those being built; 0 for what {@code limits.memory} gives a task
     */
    public TaskContext(String run, long epoch, int task, int tasks, long memoryBytes) {
        this(run, epoch, task, tasks, memoryBytes, false);
    }

    private TaskContext(String run, long epoch, int task, int tasks, long memoryBytes, boolean isApart) {
        this.run = Objects.requireNonNull(run, "run");
        this.epoch = epoch;
        this.task = task;
        this.tasks = tasks;
        this.memoryBytes = memoryBytes;
        this.isApart = isApart;
    }

    /**
     * The same writer of a job that may go on behind an older epoch than the table has segments of: its segments take no names that
     * others of these epochs may have.
     */
    public TaskContext apart() {
        return new TaskContext(run, epoch, task, tasks, memoryBytes, true);
    }

    /** The id of a new run. */
    public static String newRun() {
        return String.format("%016x", new java.security.SecureRandom().nextLong());
    }

    /** The run. */
    public String run() {
        return run;
    }

    /** The last recorded epoch. */
    public long epoch() {
        return epoch;
    }

    /** Which task. */
    public int task() {
        return task;
    }

    /** Of how many. */
    public int tasks() {
        return tasks;
    }

    /** Whether names of segments are kept apart from those of other processes. */
    public boolean isApart() {
        return isApart;
    }

    /** Memory of the writer, in bytes; 0 for the options' own. */
    public long memoryBytes() {
        return memoryBytes;
    }
}
