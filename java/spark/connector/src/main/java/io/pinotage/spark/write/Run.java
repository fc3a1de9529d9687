package io.pinotage.spark.write;

import java.io.Serializable;

/** One publication: what its segments are called by, and how many tasks make them. */
final class Run implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String id;
    private final long epoch;
    private final int tasks;

    /**
     * A run of so many tasks.
     *
     * @param id 16 hexadecimal digits
     * @param epoch from 1
     */
    Run(String id, long epoch, int tasks) {
        this.id = id;
        this.epoch = epoch;
        this.tasks = tasks;
    }

    String id() {
        return id;
    }

    long epoch() {
        return epoch;
    }

    int tasks() {
        return tasks;
    }

    /** The same for another epoch. */
    Run of(long other) {
        return new Run(id, other, tasks);
    }

    /** The name of what the driver puts into staging for tasks to see. */
    String probe() {
        return "spark-" + id;
    }
}
