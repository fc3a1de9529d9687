package io.pinotage.scan;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A part of a scan, which is read as a whole or not at all, by any process on any host. It carries the options of the table,
 * secrets as they were given: {@code ${env:NAME}} is read where the split is.
 */
public final class ScanSplit implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final int NO_PARTITION = -1;

    /** The table, which splits of a plan share. */
    private final byte[] head;

    private final byte[] tail;
    private final String[] hosts;
    private final long expectedBytes;
    private final int partition;

    ScanSplit(byte[] head, byte[] tail, String[] hosts, long expectedBytes, int partition) {
        this.head = head;
        this.tail = tail;
        this.hosts = hosts;
        this.expectedBytes = expectedBytes;
        this.partition = partition;
    }

    /** The split of {@link #toBytes}. */
    public static ScanSplit of(byte[] bytes) {
        return new ScanSplit(bytes.clone(), new byte[0], new String[0], 0, NO_PARTITION);
    }

    /** All that its reading needs. Later versions read it, too. */
    public byte[] toBytes() {
        byte[] bytes = Arrays.copyOf(head, head.length + tail.length);
        System.arraycopy(tail, 0, bytes, head.length, tail.length);
        return bytes;
    }

    /** The hosts of the servers that may be asked, the preferred one first; none when its segment is read directly. */
    public List<String> hosts() {
        return Collections.unmodifiableList(Arrays.asList(hosts));
    }

    /** The partition of all its rows, of a plan that has a {@link ScanPlan#partitioner}; -1 otherwise. */
    public int partition() {
        return partition;
    }

    /** About how many bytes come. */
    public long expectedBytes() {
        return expectedBytes;
    }
}
