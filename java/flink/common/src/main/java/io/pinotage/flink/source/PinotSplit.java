package io.pinotage.flink.source;

import io.pinotage.scan.ScanSplit;
import org.apache.flink.api.connector.source.SourceSplit;

/** A part of a table, and how much of it was given already. */
public final class PinotSplit implements SourceSplit {
    private final String id;
    private final ScanSplit split;
    private final long rows;

    private PinotSplit(String id, ScanSplit split, long rows) {
        this.id = id;
        this.split = split;
        this.rows = rows;
    }

    /** A split of which nothing was given yet. */
    static PinotSplit of(String id, ScanSplit split) {
        return new PinotSplit(id, split, 0);
    }

    /** A split of a state. */
    static PinotSplit of(String id, ScanSplit split, long rows) {
        return new PinotSplit(id, split, rows);
    }

    /** The same when so many rows were given in all. */
    PinotSplit after(long rows) {
        return new PinotSplit(id, split, rows);
    }

    @Override
    public String splitId() {
        return id;
    }

    /** What is read. */
    public ScanSplit split() {
        return split;
    }

    /** Rows of it that were given. */
    long rows() {
        return rows;
    }

    @Override
    public String toString() {
        return "split " + id;
    }
}
