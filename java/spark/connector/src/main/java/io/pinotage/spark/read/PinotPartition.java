package io.pinotage.spark.read;

import io.pinotage.scan.ScanSplit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.connector.read.HasPartitionKey;
import org.apache.spark.sql.connector.read.InputPartition;

/** What a task reads: splits, one behind the other; or a row of its own, which nobody is asked for: an aggregation of so many rows. */
class PinotPartition implements InputPartition {
    private static final long serialVersionUID = 1L;

    private final ArrayList<ScanSplit> splits;
    private final long rows;

    private PinotPartition(List<ScanSplit> splits, long rows) {
        this.splits = new ArrayList<>(splits);
        this.rows = rows;
    }

    /** Splits that the same hosts have. */
    static PinotPartition of(List<ScanSplit> splits) {
        return new PinotPartition(splits, 0);
    }

    /** Splits of one partition of the table. */
    static PinotPartition ofKey(List<ScanSplit> splits) {
        return new Keyed(splits);
    }

    /** Counts are this, and other aggregates have no value. */
    static PinotPartition ofRow(long rows) {
        return new PinotPartition(Collections.emptyList(), rows);
    }

    /** Without any it is a row of its own. */
    List<ScanSplit> splits() {
        return splits;
    }

    long rows() {
        return rows;
    }

    @Override
    public String[] preferredLocations() {
        return splits.isEmpty() ? new String[0] : splits.get(0).hosts().toArray(new String[0]);
    }

    private static final class Keyed extends PinotPartition implements HasPartitionKey {
        private static final long serialVersionUID = 1L;

        Keyed(List<ScanSplit> splits) {
            super(splits, 0);
        }

        @Override
        public InternalRow partitionKey() {
            return new GenericInternalRow(new Object[] {splits().get(0).partition()});
        }
    }
}
