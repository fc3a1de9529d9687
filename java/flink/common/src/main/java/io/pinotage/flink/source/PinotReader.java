package io.pinotage.flink.source;

import io.pinotage.arrow.RecordBatch;
import io.pinotage.scan.ScanReader;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/**
 * Reads one split after the other; a thread waits for the library, so that the task does not.
 *
 * <p>Servers give the rows of a split in another order each time. So these are given all at once, when all of them are there:
 * a checkpoint has all of such a split or nothing. A segment that is read directly has an order, and its state is a number of
 * rows.
 */
final class PinotReader implements SourceReader<RowData, PinotSplit> {
    /** What a split comes to, one piece at a time. */
    private static final class Piece {
        final ScanReader reader;
        /** Null at the end of a split. */
        final RecordBatch batch;

        Piece(ScanReader reader, RecordBatch batch) {
            this.reader = reader;
            this.batch = batch;
        }
    }

    private static final long PATIENCE_SECONDS = 30;

    private final SourceReaderContext context;
    private final RowType type;
    private final ZoneId zone;
    private final ArrayDeque<PinotSplit> waiting = new ArrayDeque<>();
    private final ExecutorService thread;
    private boolean noMore;

    /** The split that is read, as a state has it. */
    private PinotSplit split;
    private ScanReader reader;
    /** Rows of the split that came, also those that a state says were given already. */
    private long came;
    private CompletableFuture<Piece> coming;
    private CompletableFuture<Void> available = new CompletableFuture<>();

    PinotReader(SourceReaderContext context, RowType type, ZoneId zone) {
        this.context = context;
        this.type = type;
        this.zone = zone;
        this.thread = Executors.newSingleThreadExecutor(work -> {
            Thread made = new Thread(work, "pinotage-source-" + context.getIndexOfSubtask());
            made.setDaemon(true);
            return made;
        });
    }

    @Override
    public void start() {
        if (waiting.isEmpty()) {
            context.sendSplitRequest();
        }
    }

    @Override
    public InputStatus pollNext(ReaderOutput<RowData> output) throws Exception {
        if (split == null && !begin()) {
            return noMore ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
        }
        if (!coming.isDone()) {
            available = coming.handle((piece, error) -> null);
            return InputStatus.NOTHING_AVAILABLE;
        }
        Piece piece = get();
        reader = piece.reader;
        if (piece.batch == null) {
            end();
        } else if (reader.isRepeatable()) {
            give(piece.batch, output);
            split = split.after(Math.max(came, split.rows()));
            coming = later(() -> new Piece(reader, reader.next()));
        } else {
            for (RecordBatch batch = piece.batch; batch != null; batch = reader.next()) {
                give(batch, output);
            }
            end();
        }
        return InputStatus.MORE_AVAILABLE;
    }

    /** Takes up the next split; false when there is none at the moment. */
    private boolean begin() {
        split = waiting.poll();
        if (split == null) {
            if (available.isDone()) {
                available = new CompletableFuture<>();
            }
            return false;
        }
        came = 0;
        PinotSplit next = split;
        coming = later(() -> {
            ScanReader opened = ScanReader.open(next.split());
            try {
                return new Piece(opened, opened.next());
            } catch (RuntimeException error) {
                opened.close();
                throw error;
            }
        });
        return true;
    }

    private void end() {
        reader.close();
        reader = null;
        coming = null;
        split = null;
        if (waiting.isEmpty() && !noMore) {
            context.sendSplitRequest();
        }
    }

    private Piece get() throws Exception {
        try {
            return coming.join();
        } catch (CompletionException error) {
            coming = CompletableFuture.failedFuture(error.getCause());
            if (error.getCause() instanceof Exception) {
                throw (Exception) error.getCause();
            }
            throw error;
        }
    }

    private void give(RecordBatch batch, ReaderOutput<RowData> output) {
        try (RecordBatch given = batch) {
            BatchRows rows = new BatchRows(given, type, zone);
            long known = split.rows() - came;
            for (int row = (int) Math.max(0, Math.min(known, rows.rows())); row < rows.rows(); row++) {
                output.collect(rows.row(row));
            }
            came += rows.rows();
        }
    }

    private CompletableFuture<Piece> later(Supplier<Piece> work) {
        return CompletableFuture.supplyAsync(work, thread);
    }

    @Override
    public List<PinotSplit> snapshotState(long checkpoint) {
        List<PinotSplit> all = new ArrayList<>();
        if (split != null) {
            all.add(split);
        }
        all.addAll(waiting);
        return all;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return available;
    }

    @Override
    public void addSplits(List<PinotSplit> splits) {
        waiting.addAll(splits);
        available.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        noMore = true;
        available.complete(null);
    }

    @Override
    public void close() throws Exception {
        // Whoever waits for the library looks for this.
        thread.shutdownNow();
        boolean ended = thread.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (coming != null && coming.isDone() && !coming.isCompletedExceptionally()) {
            Piece piece = coming.join();
            reader = piece.reader;
            if (piece.batch != null) {
                piece.batch.close();
            }
        }
        if (reader != null && ended) {
            reader.close();
        }
    }
}
