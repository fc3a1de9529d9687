package io.pinotage.sink;

import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeWriter;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Takes the rows of one task. One thread writes; {@link #cancel} and {@link #metrics} may come from others. After an error it is
 * closed, and the job goes on behind the last recorded epoch.
 */
public final class SinkWriter implements AutoCloseable {
    private final long handle;

    SinkWriter(long handle) {
        this.handle = handle;
    }

    /**
     * Takes rows. It waits only while {@code sink.segment.queue} sealed segments wait to be built.
     *
     * @param rows is consumed; each row goes into a segment of its own partition
     * @return rows that the table does not take; none of them is written
     * @throws io.pinotage.PinotageException {@code invalid-data} when there are more of them than {@code limits.errors}, by
     *     default 0
     */
    public List<RejectedRow> write(RecordBatch rows) {
        String[] texts;
        try {
            texts = NativeWriter.write(handle, rows.address());
        } finally {
            rows.close();
        }
        return texts.length == 0 ? Collections.emptyList() : RejectedRow.of(texts);
    }

    /**
     * Counts rows that are not given to {@link #write} because no batch can have them.
     *
     * @param message what is wrong with the first of them
     * @throws io.pinotage.PinotageException {@code invalid-data} as {@link #write}
     */
    public void refused(long rows, String message) {
        NativeWriter.refused(handle, rows, message);
    }

    /**
     * Ends an epoch: what was written since the last one is in staging when this returns.
     *
     * @param epoch later than all before
     * @param last whether the input has ended: then nothing stays open
     */
    public Prepared prepare(long epoch, boolean last) {
        byte[][][] prepared = NativeWriter.prepare(handle, epoch, last);
        return new Prepared(prepared[0], prepared[1]);
    }

    /**
     * What it has in staging: the name of its life, which the names of its files have and no other's, and which files of earlier lives
     * hold rows that are open.
     *
     * @param open what {@link #prepare} gave
     */
    public StagedFiles staged(Collection<OpenBuffer> open) {
        byte[][] bytes = open.stream().map(OpenBuffer::toBytes).toArray(byte[][]::new);
        List<String> names = Arrays.asList(NativeWriter.staged(handle, bytes));
        return new StagedFiles(names.subList(0, 1), names.subList(1, names.size()));
    }

    /**
     * The epoch under way is {@code epoch}: for engines that number an epoch only behind {@link #prepare}. After a Flink
     * checkpoint {@code id} it is {@code id + 1}. Segments that are sealed from now on say so, and a job that goes on behind an
     * earlier epoch is told that it was set back.
     */
    public void beginEpoch(long epoch) {
        NativeWriter.beginEpoch(handle, epoch);
    }

    /**
     * No row with an earlier time is expected any more: segments of windows that are over are sealed. What comes later all the same is
     * written as any other row.
     *
     * @param millis since 1970
     */
    public void watermark(long millis) {
        NativeWriter.watermark(handle, millis);
    }

    /**
     * Makes do with less memory: segments are sealed and built until no more than this is held, and later ones are smaller. It may be asked
     * from any thread, and waits for a {@link #write} under way.
     *
     * @param memoryBytes as {@link TaskContext#memoryBytes}
     * @return false when rows have to stay together until the input ends: then nothing has changed
     */
    public boolean shrink(long memoryBytes) {
        return NativeWriter.shrink(handle, memoryBytes);
    }

    /** What was prepared up to this epoch is recorded for good: what only earlier epochs needed goes. */
    public void recorded(long epoch) {
        NativeWriter.recorded(handle, epoch);
    }

    /** Counters by name, since the writer was opened. */
    public Map<String, Long> metrics() {
        String[] pairs = NativeWriter.metrics(handle);
        LinkedHashMap<String, Long> metrics = new LinkedHashMap<>();
        for (int i = 0; i + 1 < pairs.length; i += 2) {
            metrics.put(pairs[i], Long.valueOf(pairs[i + 1]));
        }
        return metrics;
    }

    /** Asks it to stop: the next {@link #write} is {@code cancelled}. One that waits goes on when the segment before it is built. */
    public void cancel() {
        NativeWriter.cancel(handle);
    }

    /** Frees it. What was prepared stays in staging; what was not is gone. Calling it again does nothing. */
    @Override
    public void close() {
        NativeWriter.close(handle);
    }
}
