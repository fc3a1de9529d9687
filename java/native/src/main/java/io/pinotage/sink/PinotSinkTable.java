package io.pinotage.sink;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.CData;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeLibrary;
import io.pinotage.jni.NativeSink;
import io.pinotage.jni.NativeWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A Pinot table that rows are to go to, with everything known that writing needs.
 *
 * <p>{@link #resolve} asks the controller once, when a job is submitted; {@link #description} travels to the tasks, where
 * {@link #of} asks nobody. Options are those of a job file without its source:
 *
 * <pre>{@code
 * {
 *   "name": "orders",                          // the job; part of segment names
 *   "sink": {"kind": "pinot", "table": "orders", "controller": "host:9000"},
 *   "staging": "/shared/staging",              // a folder that every host sees
 *   "limits": {"memory": "1GiB", "errors": 0},
 *   "timeZone": "UTC", "strict": false
 * }
 * }</pre>
 *
 * <p>All methods may be called from any thread.
 */
public final class PinotSinkTable implements AutoCloseable {
    private final long handle;
    private final ArrowSchema schema;
    private final List<SinkColumn> columns;

    private PinotSinkTable(long handle) {
        this.handle = handle;
        this.schema = CData.readSchema(to -> NativeSink.schema(handle, to));
        String[] types = NativeSink.types(handle);
        ArrayList<SinkColumn> columns = new ArrayList<>();
        for (int i = 0; i < types.length; i++) {
            columns.add(new SinkColumn(schema.fields().get(i), types[i]));
        }
        this.columns = Collections.unmodifiableList(columns);
    }

    /**
     * Checks options, asks the controller for schema, table config and version, and checks that rows can be written.
     *
     * @param options as above
     * @throws io.pinotage.PinotageException {@code invalid-config} for options or tables that cannot be; {@code not-found} for
     *     a table that does not exist; {@code unavailable} when the controller does not answer
     */
    public static PinotSinkTable resolve(String options) {
        NativeLibrary.load();
        return new PinotSinkTable(NativeSink.open(options));
    }

    /**
     * Takes up what {@link #description} gave.
     *
     * @throws io.pinotage.PinotageException {@code unsupported} for a description of a later version
     */
    public static PinotSinkTable of(String description) {
        NativeLibrary.load();
        return new PinotSinkTable(NativeSink.of(description));
    }

    /** Everything that tasks need, as text. Options are in it as they were given: {@code ${env:NAME}} is read where it is used. */
    public String description() {
        return NativeSink.description(handle);
    }

    /** The columns of the table. */
    public List<SinkColumn> columns() {
        return columns;
    }

    /** The columns as rows have them best: no value is converted then. */
    public ArrowSchema schema() {
        return schema;
    }

    /** The columns of the primary key; none for a table without. */
    public List<String> primaryKey() {
        return Arrays.asList(NativeSink.primaryKey(handle));
    }

    /** The column that says that a row deletes its key; null for a table without. */
    public String deleteColumn() {
        return NativeSink.deleteColumn(handle);
    }

    /** The column that says of which time a row is; null for a table without. */
    public String timeColumn() {
        return NativeSink.timeColumn(handle);
    }

    /**
     * Milliseconds since 1970 of a number in the time column.
     *
     * @throws io.pinotage.PinotageException {@code unsupported} where the column holds texts
     */
    public long timeMillis(long value) {
        return NativeSink.timeMillis(handle, value);
    }

    /** The column by which rows of a segment are best in order; null for a table without. */
    public String sortedColumn() {
        return NativeSink.sortedColumn(handle);
    }

    /** Whether rows take the place of earlier rows of their key. */
    public boolean upserts() {
        return NativeSink.upserts(handle);
    }

    /** Whether rows go beside the stream of a REALTIME table. */
    public boolean realtime() {
        return NativeSink.realtime(handle);
    }

    /**
     * Where rows belong; null for a table without partitions, or with partitions by FLOAT or DOUBLE, whose text depends on the
     * release of Java. Any task may write any row, but fewer segments come of it so.
     */
    public PinotPartitioner partitioner() {
        String[] parts = NativeSink.partitioning(handle);
        return parts == null ? null : PinotPartitioner.of(parts);
    }

    /** The most that this table can promise. */
    public Delivery delivery() {
        return Delivery.of(NativeSink.delivery(handle));
    }

    /** Whether rows of a partition stay together until the input ends (partial upserts): the input must have an end. */
    public boolean needsBoundedInput() {
        return NativeSink.needsEnd(handle);
    }

    /**
     * Whether the table is wholly what a job makes (REFRESH): all segments have to be published together, when the input has ended. Others
     * that are there are a {@code commit-conflict}, or go with {@code sink.push.foreign} {@code replace}.
     */
    public boolean replaces() {
        return NativeSink.replaces(handle);
    }

    /**
     * Refuses columns that can never become rows of the table.
     *
     * @throws io.pinotage.PinotageException {@code schema-mismatch} or {@code unsupported}, naming the column
     */
    public void check(ArrowSchema rows) {
        CData.withSchema(rows, imported -> {
            NativeSink.check(handle, imported);
            return null;
        });
    }

    /**
     * The partition of each row, in the order of the rows; null for a table without partitions. Rows that the table does not
     * take have -1.
     *
     * @param rows is consumed
     */
    public int[] partitions(RecordBatch rows) {
        try {
            return CData.withSchema(
                    rows.schema(), imported -> NativeSink.partitions(handle, imported, rows.address()));
        } finally {
            rows.close();
        }
    }

    /**
     * The rows of a batch that a writer would not take, as {@link SinkWriter#write} gives them back.
     *
     * @param rows is consumed
     */
    public List<RejectedRow> rejected(RecordBatch rows) {
        try {
            String[] texts = CData.withSchema(
                    rows.schema(), imported -> NativeSink.rejected(handle, imported, rows.address()));
            return RejectedRow.of(texts);
        } finally {
            rows.close();
        }
    }

    /**
     * Opens the writer of a task.
     *
     * @param rows the columns of the batches to come
     * @param task which task, and where it goes on
     * @param open the open buffers of the recorded epoch of all partitions that are this task's now; see
     *     {@link OpenBuffer#partition}, or any of them as long as each goes to one task
     */
    public SinkWriter openWriter(ArrowSchema rows, TaskContext task, List<OpenBuffer> open) {
        byte[][] bytes = open.stream().map(OpenBuffer::toBytes).toArray(byte[][]::new);
        return new SinkWriter(CData.withSchema(
                rows,
                imported -> NativeWriter.open(
                        handle,
                        imported,
                        task.run(),
                        task.epoch(),
                        task.task(),
                        task.tasks(),
                        task.memoryBytes(),
                        task.isApart(),
                        bytes)));
    }

    /** Opens the committer of a run whose state keeps no lives: two copies of it that run at once are not always told apart. */
    public SinkCommitter openCommitter(String run) {
        return openCommitter(run, Lives.NONE);
    }

    /** Opens the committer of a run. */
    public SinkCommitter openCommitter(String run, Lives lives) {
        return new SinkCommitter(handle, run, lives);
    }

    /** Half of a check that staging is one place for all tasks: one task writes. */
    public void writeStagingProbe(String name, String text) {
        NativeSink.writeProbe(handle, name, text);
    }

    /**
     * The other half: another task, on another host, reads.
     *
     * @return what was written
     * @throws io.pinotage.PinotageException {@code invalid-config} when it is not there: staging is not shared
     */
    public String readStagingProbe(String name) {
        return NativeSink.readProbe(handle, name);
    }

    /** Removes a probe; one that is gone is none. */
    public void removeStagingProbe(String name) {
        NativeSink.removeProbe(handle, name);
    }

    /** Frees it. Writers and committers live on. */
    @Override
    public void close() {
        NativeSink.close(handle);
    }
}
