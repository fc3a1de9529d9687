package io.pinotage.spark.write;

import io.pinotage.sink.Committable;
import io.pinotage.sink.Replacing;
import io.pinotage.sink.TaskContext;
import java.util.List;
import org.apache.spark.sql.connector.write.BatchWrite;
import org.apache.spark.sql.connector.write.DataWriterFactory;
import org.apache.spark.sql.connector.write.PhysicalWriteInfo;
import org.apache.spark.sql.connector.write.WriterCommitMessage;

/** A write of rows that have an end: a run of its own, whose segments appear together. */
final class PinotBatchWrite implements BatchWrite {
    private final WriteSettings settings;
    private final Replacing replacing;
    private final String id = TaskContext.newRun();
    private Run run = new Run(id, 1, 1);

    PinotBatchWrite(WriteSettings settings, Replacing replacing) {
        this.settings = settings;
        this.replacing = replacing;
    }

    @Override
    public DataWriterFactory createBatchWriterFactory(PhysicalWriteInfo info) {
        run = new Run(id, 1, Math.max(1, info.numPartitions()));
        Publisher.open(settings, run);
        return new PinotWriterFactory(settings, run);
    }

    @Override
    public void commit(WriterCommitMessage[] messages) {
        List<Committable> segments = StagedSegments.segments(messages);
        WriteListener listener = WriteListener.current();
        listener.publishing(segments.size());
        Publisher.commit(settings, run, messages, replacing);
        long rows = segments.stream().mapToLong(Committable::rows).sum();
        listener.published(segments.size(), rows, StagedSegments.refused(messages));
    }

    @Override
    public void abort(WriterCommitMessage[] messages) {
        Publisher.abort(settings, run);
    }

    @Override
    public String toString() {
        return "PinotBatchWrite(" + settings.table() + ", " + replacing + ")";
    }
}
