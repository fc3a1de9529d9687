package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.Committable;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.RejectedRow;
import io.pinotage.sink.SinkOptions;
import io.pinotage.sink.SinkWriter;
import io.pinotage.sink.TaskContext;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.WriterCommitMessage;

/**
 * The rows of one attempt of a task. What attempts stage lies under names that no other attempt chooses, and counts only when the
 * driver gets the message of one.
 */
final class PinotDataWriter implements DataWriter<InternalRow> {
    private static final int BATCH_ROWS = 8_192;

    /**
     * Spark asks for numbers that often, and once more when there are no rows left. If these are as many, one time cannot be told from
     * the other: what is refused of the last batch is not among the numbers then.
     */
    private static final int ROWS_BETWEEN_METRICS = 100;

    private final WriteSettings settings;
    private final Run run;
    private final int task;
    private final RowAppender rows;
    /** Null where the first row that the table does not take fails the job. */
    private final Quarantine.TaskFile quarantine;

    /** Most tasks of small inputs have no rows: nothing is opened for them. */
    private PinotSinkTable table;
    private SinkWriter writer;
    private BatchBuilder batch;
    private TaskMemory memory;

    private long written;
    private long refused;
    private long bytes;
    private long segments;

    PinotDataWriter(WriteSettings settings, Run run, int task) {
        this.settings = settings;
        this.run = run;
        this.task = task;
        this.rows = new RowAppender(settings.rows());
        this.quarantine = settings.quarantine() == null ? null : settings.quarantine().open(run, task);
    }

    private void open() {
        memory = TaskMemory.acquire(settings.memoryBytes());
        table = PinotSinkTable.of(settings.description());
        // What the driver has put there: who does not see it would stage where nobody looks.
        table.readStagingProbe(run.probe());
        TaskContext own = new TaskContext(run.id(), run.epoch() - 1, task, run.tasks(), memory.bytes());
        writer = table.openWriter(settings.columns(), own, Collections.emptyList());
        memory.lend(writer);
        batch = new BatchBuilder(settings.columns());
    }

    @Override
    public void write(InternalRow row) {
        if (batch == null) {
            open();
        }
        try {
            rows.append(row, batch);
            batch.endRow();
            written++;
        } catch (ArithmeticException | IllegalArgumentException error) {
            batch.dropRow();
            throw new PinotageException(
                    ErrorKind.INVALID_DATA, "row " + batch.rows() + " of a batch: " + error.getMessage(), "correct the row", error);
        }
        if (batch.isFull(BATCH_ROWS)) {
            give();
        }
    }

    /** Gives the batch under way to the library. */
    private void give() {
        if (batch == null || batch.rows() == 0) {
            return;
        }
        bytes += batch.bytes();
        for (RejectedRow row : writer.write(batch.finish())) {
            reject(row);
        }
        Map<String, Long> metrics = writer.metrics();
        segments = metrics.getOrDefault("segments sealed", 0L) + metrics.getOrDefault("segments open", 0L);
    }

    private void reject(RejectedRow row) {
        if (quarantine == null) {
            // The library allows none then, unless `limits.errors` says so.
            throw new PinotageException(
                    ErrorKind.INVALID_DATA,
                    settings.table() + " does not take a row: " + row.message(),
                    "correct it, or name a folder for such rows by `" + WriteOptions.QUARANTINE + "`");
        }
        SinkOptions json = new SinkOptions().set("rule", row.rule()).set("message", row.message());
        if (row.column() != null) {
            json.set("column", row.column());
        }
        quarantine.add(json.setJson("row", row.raw()).toJson());
        refused++;
    }

    @Override
    public CustomTaskMetric[] currentMetricsValues() {
        if (written % ROWS_BETWEEN_METRICS != 0) {
            give();
        }
        return WriteMetrics.ofTask(written - refused, bytes, segments, refused);
    }

    @Override
    public WriterCommitMessage commit() {
        give();
        List<Committable> all = writer == null ? Collections.emptyList() : writer.prepare(run.epoch(), true).committables();
        return new StagedSegments(all, quarantine == null ? null : quarantine.finish(), refused);
    }

    /** What was staged goes with the run's folder, which the driver removes. */
    @Override
    public void abort() {
        if (writer != null) {
            writer.cancel();
        }
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.lend(null);
        }
        try (TaskMemory ownMemory = memory;
                PinotSinkTable ownTable = table;
                SinkWriter ownWriter = writer;
                BatchBuilder ownBatch = batch;
                Quarantine.TaskFile ownRows = quarantine) {
            batch = null;
        }
    }
}
