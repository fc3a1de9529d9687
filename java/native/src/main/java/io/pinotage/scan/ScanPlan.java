package io.pinotage.scan;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.CData;
import io.pinotage.jni.NativeScan;
import io.pinotage.sink.PinotPartitioner;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;

/** Which segments are read, by whom, with which filter: one consistent view of a table. */
public final class ScanPlan {
    private final ArrowSchema schema;
    private final String text;
    private final List<String> warnings;
    private final long[] numbers;
    private final List<ScanSplit> splits;
    private final PinotPartitioner partitioner;

    ScanPlan(long handle) {
        this.schema = CData.readSchema(to -> NativeScan.planSchema(handle, to));
        this.text = NativeScan.planText(handle);
        this.warnings = Collections.unmodifiableList(Arrays.asList(NativeScan.planWarnings(handle)));
        this.numbers = NativeScan.planNumbers(handle);
        String[] parts = NativeScan.planPartitioner(handle);
        this.partitioner = parts == null ? null : PinotPartitioner.of(parts);
        int[] partitions = NativeScan.splitPartitions(handle);
        long[] sizes = NativeScan.splitSizes(handle);
        List<ScanSplit> splits = new ArrayList<>(sizes.length);
        // Of many splits the table is held once.
        byte[] head = NativeScan.splitHead(handle);
        for (int i = 0; i < sizes.length; i++) {
            String[] hosts = NativeScan.splitHosts(handle, i);
            splits.add(new ScanSplit(head, NativeScan.split(handle, i), hosts, sizes[i], partitions[i]));
        }
        this.splits = Collections.unmodifiableList(splits);
    }

    /** The columns of the rows to come; of an aggregation: those of the groups, then the aggregates. */
    public ArrowSchema schema() {
        return schema;
    }

    /** What can be read by itself, in any order and at any place. None for a table without rows. */
    public List<ScanSplit> splits() {
        return splits;
    }

    /** What decides which partition a row, and each split, is of; null where splits have rows of several. */
    public PinotPartitioner partitioner() {
        return partitioner;
    }

    /** Whether all conditions of the request, also those that are checked again, are passed by every row. */
    public boolean exact() {
        return numbers[0] != 0;
    }

    /** Whether servers aggregate. An aggregation that they do not comes as a group for each row. */
    public boolean aggregated() {
        return numbers[1] != 0;
    }

    /** Whether servers leave out rows that are not among the first ones of the order. */
    public boolean ordered() {
        return numbers[2] != 0;
    }

    /** The number of rows that come, where the cluster's records tell. */
    public OptionalLong exactRows() {
        return numbers[3] < 0 ? OptionalLong.empty() : OptionalLong.of(numbers[3]);
    }

    /** About how many rows come. */
    public long expectedRows() {
        return numbers[4];
    }

    /** About how many bytes come. */
    public long expectedBytes() {
        return numbers[5];
    }

    /** Requests to servers. */
    public long requests() {
        return numbers[6];
    }

    /** What a person should know, such as segments that are left out. */
    public List<String> warnings() {
        return warnings;
    }

    /** Who reads what, and why. */
    @Override
    public String toString() {
        return text;
    }
}
