package io.pinotage.spark.read;

import io.pinotage.scan.ScanSplit;
import org.apache.spark.sql.connector.read.InputPartition;

/** A split; or a row of its own, which nobody is asked for: an aggregation of so many rows. */
final class PinotPartition implements InputPartition {
    private static final long serialVersionUID = 1L;

    private final ScanSplit split;
    private final long rows;

    private PinotPartition(ScanSplit split, long rows) {
        this.split = split;
        this.rows = rows;
    }

    static PinotPartition of(ScanSplit split) {
        return new PinotPartition(split, 0);
    }

    /** Counts are this, and other aggregates have no value. */
    static PinotPartition ofRow(long rows) {
        return new PinotPartition(null, rows);
    }

    /** Null for a row of its own. */
    ScanSplit split() {
        return split;
    }

    long rows() {
        return rows;
    }

    @Override
    public String[] preferredLocations() {
        return split == null ? new String[0] : split.hosts().toArray(new String[0]);
    }
}
