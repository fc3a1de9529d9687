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

    private final byte[] bytes;
    private final String[] hosts;
    private final long expectedBytes;

    ScanSplit(byte[] bytes, String[] hosts, long expectedBytes) {
        this.bytes = bytes;
        this.hosts = hosts;
        this.expectedBytes = expectedBytes;
    }

    /** The split of {@link #toBytes}. */
    public static ScanSplit of(byte[] bytes) {
        return new ScanSplit(bytes.clone(), new String[0], 0);
    }

    /** All that its reading needs. Later versions read it, too. */
    public byte[] toBytes() {
        return bytes.clone();
    }

    byte[] bytes() {
        return bytes;
    }

    /** The hosts of the servers that may be asked, the preferred one first; none when its segment is read directly. */
    public List<String> hosts() {
        return Collections.unmodifiableList(Arrays.asList(hosts));
    }

    /** About how many bytes come. */
    public long expectedBytes() {
        return expectedBytes;
    }
}
