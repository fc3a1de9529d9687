package io.pinotage.flink.sink;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.flink.DeliveryGuarantee;
import io.pinotage.flink.sink.committer.PinotCommittable;
import io.pinotage.sink.Lives;
import io.pinotage.sink.OpenBuffer;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Prepared;
import io.pinotage.sink.RejectedRow;
import io.pinotage.sink.SinkWriter;
import io.pinotage.sink.StagedFiles;
import io.pinotage.sink.TaskContext;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rows of one task: gathered into batches in the task's thread, sealed and built beside it.
 *
 * <p>Epochs are Flink's checkpoints. {@link #prepareCommit} does not say which checkpoint it is for, so the epoch under way has the
 * next number that is possible; {@link #snapshotState} corrects it.
 *
 * @param <T> the rows
 */
public final class PinotSinkWriter<T>
        implements StatefulSinkWriter<T, WriterState>, CommittingSinkWriter<T, PinotCommittable> {
    private static final Logger LOG = LoggerFactory.getLogger(PinotSinkWriter.class);

    private final SinkSettings settings;
    private final RowConverter<T> converter;
    private final String run;
    private final int tasks;
    private final BatchBuilder batch;
    private final PinotSinkTable table;
    private final SinkWriter writer;
    private final WriterMetrics metrics;
    /** Null without a folder for rows that the table does not take. */
    private final Quarantine quarantine;
    /** Rows since the last batch that cannot be in one. */
    private final List<RejectedRow> unfit = new ArrayList<>();
    /** The last epoch that was prepared. */
    private long epoch;
    private boolean ended;
    /** The aggregator has been told of this writer. */
    private boolean isKnown;
    private long watermark = Long.MIN_VALUE;
    private long toldWatermark = Long.MIN_VALUE;
    private List<OpenBuffer> open = Collections.emptyList();
    /** Checkpoints that somebody may still go back to, with their times. */
    private final ArrayDeque<long[]> kept = new ArrayDeque<>();

    /**
     * A writer that goes on with the parts of a state, or begins.
     *
     * @param submission the id that was drawn when the job was submitted
     */
    public static <T> PinotSinkWriter<T> open(
            SinkSettings settings,
            RowConverter<T> converter,
            String submission,
            Collection<WriterState> states,
            WriterInitContext context)
            throws IOException {
        PinotSinkTable table = PinotSinkTable.of(settings.description());
        try {
            String run = run(table, submission, states, context);
            return new PinotSinkWriter<>(settings, converter, run, table, states, context);
        } catch (Throwable error) {
            table.close();
            throw error;
        }
    }

    private static String run(
            PinotSinkTable table, String submission, Collection<WriterState> states, WriterInitContext context) {
        if (states.isEmpty() && context.getRestoredCheckpointId().isPresent()) {
            return Runs.ask(table, submission);
        }
        return states.isEmpty() ? submission : states.iterator().next().run();
    }

    private PinotSinkWriter(
            SinkSettings settings,
            RowConverter<T> converter,
            String run,
            PinotSinkTable table,
            Collection<WriterState> states,
            WriterInitContext context)
            throws IOException {
        TaskInfo task = context.getTaskInfo();
        this.settings = settings;
        this.converter = converter;
        this.run = run;
        this.table = table;
        this.tasks = task.getNumberOfParallelSubtasks();
        this.epoch = context.getRestoredCheckpointId().orElse(0);
        List<OpenBuffer> open = new ArrayList<>();
        for (WriterState state : states) {
            if (state.open() != null && settings.guarantee() != DeliveryGuarantee.NONE) {
                open.add(state.open());
            }
        }
        String folder = settings.quarantine();
        this.quarantine = folder == null
                ? null
                : new Quarantine(folder, settings.table(), run, epoch, task.getIndexOfThisSubtask(), tasks);
        TaskContext own = new TaskContext(run, epoch, task.getIndexOfThisSubtask(), tasks, 0);
        boolean isExact = settings.guarantee() == DeliveryGuarantee.EXACTLY_ONCE;
        this.writer = table.openWriter(settings.columns(), isExact ? own : own.apart(), open);
        this.batch = new BatchBuilder(settings.columns());
        this.metrics = new WriterMetrics(context.metricGroup(), writer);
        LOG.info("run {} of {} goes on behind checkpoint {} with {} open buffers", run, settings.table(), epoch, open.size());
    }

    @Override
    public void write(T row, Context context) {
        if (!converter.takes(row)) {
            return;
        }
        try {
            converter.append(row, batch);
            batch.endRow();
        } catch (BadValueException bad) {
            batch.dropRow();
            unfit.add(RowText.rejected(bad, row, converter, settings.columns()));
        } catch (RuntimeException error) {
            batch.dropRow();
            throw error;
        }
        if (unfit.size() >= settings.batchRows() || batch.isFull(settings.batchRows() - unfit.size())) {
            give();
        }
    }

    /** Gives the batch under way to the library. */
    private void give() {
        if (!unfit.isEmpty()) {
            RejectedRow first = unfit.get(0);
            writer.refused(unfit.size(), "column `" + first.column() + "`: " + first.message());
            metrics.written(0, 0, unfit.size());
            unfit.forEach(this::refuse);
            unfit.clear();
        }
        int rows = batch.rows();
        if (rows == 0) {
            tellTime();
            return;
        }
        long bytes = batch.bytes();
        List<RejectedRow> rejected = writer.write(batch.finish());
        metrics.written(rows - rejected.size(), bytes, rejected.size());
        rejected.forEach(this::refuse);
        tellTime();
    }

    /** Behind the rows that came before the watermark. */
    private void tellTime() {
        if (watermark > toldWatermark) {
            writer.watermark(watermark);
            toldWatermark = watermark;
        }
    }

    @Override
    public void writeWatermark(Watermark mark) {
        // The end is told by the end.
        if (mark.getTimestamp() < Long.MAX_VALUE) {
            watermark = mark.getTimestamp();
        }
    }

    /** The library has counted the row, and allows it: that it does without a quarantine would be a fault of ours. */
    private void refuse(RejectedRow rejected) {
        if (quarantine == null) {
            throw new IllegalStateException(settings.table() + " does not take a row: " + rejected.message());
        }
        quarantine.add(RefusedRow.of(rejected));
    }

    @Override
    public void flush(boolean endOfInput) {
        give();
        ended |= endOfInput;
    }

    @Override
    public Collection<PinotCommittable> prepareCommit() throws IOException {
        epoch++;
        if (quarantine != null) {
            quarantine.end(epoch);
        }
        Prepared prepared = writer.prepare(epoch, ended);
        open = prepared.open();
        StagedFiles staged = StagedFiles.NONE;
        if (!isKnown && settings.guarantee() == DeliveryGuarantee.EXACTLY_ONCE) {
            staged = writer.staged(open);
        }
        isKnown = true;
        if (prepared.committables().isEmpty() && staged.lives().isEmpty()) {
            return Collections.emptyList();
        }
        return Collections.singletonList(new PinotCommittable(run, Lives.NONE, prepared.committables(), staged));
    }

    @Override
    public List<WriterState> snapshotState(long checkpoint) throws IOException {
        if (!ended) {
            writer.beginEpoch(checkpoint + 1);
            epoch = checkpoint;
        }
        forget(checkpoint);
        if (open.isEmpty() || settings.guarantee() == DeliveryGuarantee.NONE) {
            return Collections.singletonList(new WriterState(run, tasks, null));
        }
        List<WriterState> states = new ArrayList<>(open.size());
        for (OpenBuffer buffer : open) {
            states.add(new WriterState(run, tasks, buffer));
        }
        return states;
    }

    /** Lets go what only checkpoints need that are older than the retention, as far as later ones are known to be complete. */
    private void forget(long checkpoint) {
        long now = System.currentTimeMillis();
        kept.add(new long[] {checkpoint, now});
        long old = 0;
        while (!kept.isEmpty() && now - kept.peek()[1] > settings.retentionMillis()) {
            old = kept.remove()[0];
        }
        if (old > 0) {
            long complete = Completed.read(table, run);
            if (complete > 0) {
                writer.recorded(Math.min(old, complete));
            }
        }
    }

    @Override
    public void close() {
        try (PinotSinkTable ownTable = table;
                SinkWriter ownWriter = writer;
                BatchBuilder ownBatch = batch) {
            // What was not prepared is read again.
            ownWriter.cancel();
            metrics.end();
        }
    }
}
