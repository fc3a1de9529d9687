package io.pinotage.spark.write;

import java.io.Serializable;

/** One publication: what its segments are called by, and how many tasks make them. */
final class Run implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String id;
    private final String name;
    private final long epoch;
    private final int tasks;

    /**
     * A run of so many tasks.
     *
     * @param id 16 hexadecimal digits
     * @param epoch from 1
     */
    Run(String id, long epoch, int tasks) {
        this(id, id, epoch, tasks);
    }

    /** The same of an id that is drawn anew when it is made again, and a name that stays. */
    Run(String id, String name, long epoch, int tasks) {
        this.id = id;
        this.name = name;
        this.epoch = epoch;
        this.tasks = tasks;
    }

    String id() {
        return id;
    }

    String name() {
        return name;
    }

    long epoch() {
        return epoch;
    }

    int tasks() {
        return tasks;
    }

    /** The same for another epoch. */
    Run of(long other) {
        return new Run(id, name, other, tasks);
    }

    /** The name of what the driver puts into staging for tasks to see. */
    String probe() {
        return "spark-" + id;
    }
}
