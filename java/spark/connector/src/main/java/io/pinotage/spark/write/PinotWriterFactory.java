package io.pinotage.spark.write;

import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.write.DataWriter;
import org.apache.spark.sql.connector.write.DataWriterFactory;
import org.apache.spark.sql.connector.write.streaming.StreamingDataWriterFactory;

/** Makes the writers of tasks. */
final class PinotWriterFactory implements DataWriterFactory, StreamingDataWriterFactory {
    private static final long serialVersionUID = 1L;

    private final WriteSettings settings;
    private final Run run;

    PinotWriterFactory(WriteSettings settings, Run run) {
        this.settings = settings;
        this.run = run;
    }

    @Override
    public DataWriter<InternalRow> createWriter(int partition, long attempt) {
        return new PinotDataWriter(settings, run, partition);
    }

    @Override
    public DataWriter<InternalRow> createWriter(int partition, long attempt, long batch) {
        return new PinotDataWriter(settings, run.of(PinotStreamingWrite.epoch(batch)), partition);
    }
}
