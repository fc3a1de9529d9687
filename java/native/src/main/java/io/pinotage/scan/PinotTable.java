package io.pinotage.scan;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.CData;
import io.pinotage.jni.NativeLibrary;
import io.pinotage.jni.NativeScan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A table of a cluster, to read. What comes is complete or an error: a scan that did not see every segment that it planned
 * fails and names it. Any thread may use it.
 */
public final class PinotTable implements AutoCloseable {
    private final long handle;
    private final ArrowSchema schema;
    private final List<ScanColumn> columns;

    private PinotTable(long handle) {
        this.handle = handle;
        this.schema = CData.readSchema(to -> NativeScan.schema(handle, to));
        String[] types = NativeScan.types(handle);
        List<ScanColumn> columns = new ArrayList<>();
        for (int i = 0; i < types.length; i++) {
            columns.add(new ScanColumn(schema.fields().get(i), types[i]));
        }
        this.columns = Collections.unmodifiableList(columns);
    }

    /**
     * Asks the controller for the table.
     *
     * @throws io.pinotage.PinotageException {@code not-found} when there is no such table; {@code invalid-config} for options
     *     that cannot be; {@code unavailable} when the controller does not answer
     */
    public static PinotTable open(ScanOptions options) {
        NativeLibrary.load();
        return new PinotTable(NativeScan.open(options.toJson()));
    }

    /** The columns. */
    public List<ScanColumn> columns() {
        return columns;
    }

    /** The columns as they come. */
    public ArrowSchema schema() {
        return schema;
    }

    /** The columns of the primary key; none for a table without. */
    public List<String> primaryKey() {
        return Arrays.asList(NativeScan.primaryKey(handle));
    }

    /** The time column; null for a table without. */
    public String timeColumn() {
        return NativeScan.timeColumn(handle);
    }

    /**
     * What becomes of conditions, each by itself. Nobody is asked.
     *
     * @throws io.pinotage.PinotageException {@code schema-mismatch} for columns that the table does not have;
     *     {@code invalid-config} for literals that are no values of their column
     */
    public List<Pushdown> pushdown(List<Condition> conditions) {
        String[] texts = conditions.stream().map(Condition::toJson).toArray(String[]::new);
        List<Pushdown> all = new ArrayList<>();
        for (int one : NativeScan.pushdown(handle, texts)) {
            all.add(Pushdown.values()[one]);
        }
        return all;
    }

    /**
     * Looks at the cluster and decides who reads what. Nothing is read yet.
     *
     * @throws io.pinotage.PinotageException {@code unavailable} when a segment is on no server and cannot be read directly;
     *     {@code unsupported} when nobody can read the table exactly
     */
    public ScanPlan plan(ScanRequest request) {
        long plan = NativeScan.plan(handle, request.toJson());
        try {
            return new ScanPlan(plan);
        } finally {
            NativeScan.close(plan);
        }
    }

    /** Frees it. Plans and readers live on. */
    @Override
    public void close() {
        NativeScan.close(handle);
    }
}
