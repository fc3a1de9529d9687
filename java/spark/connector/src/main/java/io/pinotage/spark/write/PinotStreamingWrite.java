package io.pinotage.spark.write;

import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Replacing;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.TaskContext;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;

/**
 * A write of micro-batches. The run is the query's, and each batch an epoch: one that Spark makes again, because it does not know
 * whether it has ended, is left out when it has, and made anew when it was only begun.
 */
final class PinotStreamingWrite implements StreamingWrite {
    /** The digits of a run. */
    private static final int RUN_DIGITS = 16;

    private final WriteSettings settings;
    private final boolean besideStream;
    private final String query;
    private Run run;

    /**
     * A write of a query.
     *
     * @param query the query's id, which a restart keeps: a UUID
     * @param besideStream rows go to the REALTIME half of a table, where a batch may come twice
     */
    PinotStreamingWrite(WriteSettings settings, String query, boolean besideStream) {
        this.settings = settings;
        this.besideStream = besideStream;
        this.query = query.replace("-", "").substring(0, RUN_DIGITS);
        this.run = new Run(this.query, 1, 1);
    }

    /** Batches begin with 0, epochs with 1. */
    static long epoch(long batch) {
        return batch + 1;
    }

    @Override
    public StreamingDataWriterFactory createStreamingWriterFactory(PhysicalWriteInfo info) {
        // Beside a stream a batch that is made again comes again, and what its first segments are called is taken.
        run = new Run(besideStream ? TaskContext.newRun() : query, query, 1, Math.max(1, info.numPartitions()));
        Publisher.open(settings, run);
        return new PinotWriterFactory(settings, run);
    }

    @Override
    public void commit(long batch, WriterCommitMessage[] messages) {
        Run epoch = run.of(epoch(batch));
        if (!besideStream) {
            check(epoch);
        }
        Replacing replacing = besideStream ? Replacing.nothing() : Replacing.epoch();
        Publisher.commit(settings, epoch, messages, replacing);
    }

    /** A checkpoint that was set back or copied would bring rows in again. */
    private void check(Run epoch) {
        try (PinotSinkTable table = PinotSinkTable.of(settings.description());
                SinkCommitter committer = table.openCommitter(epoch.id())) {
            committer.check(epoch.epoch());
        }
    }

    @Override
    public void abort(long batch, WriterCommitMessage[] messages) {
        Publisher.abort(settings, run.of(epoch(batch)));
    }

    @Override
    public String toString() {
        return "PinotStreamingWrite(" + settings.table() + ")";
    }
}
