package io.pinotage.flink.sink;

import io.pinotage.flink.sink.committer.CommittableAggregator;
import io.pinotage.flink.sink.committer.PinotCommittable;
import io.pinotage.flink.sink.committer.PinotCommittableSerializer;
import io.pinotage.flink.sink.committer.PinotCommitter;
import io.pinotage.sink.TaskContext;
import java.io.IOException;
import java.io.Serializable;
import java.util.Collection;
import java.util.Collections;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessageTypeInfo;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreCommitTopology;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreWriteTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;

/**
 * All of a sink but for Flink's {@code Sink} itself, which the lines of Flink have differently.
 *
 * @param <T> the rows
 */
public abstract class PinotSinkBase<T>
        implements SupportsWriterState<T, WriterState>,
                SupportsCommitter<PinotCommittable>,
                SupportsPreWriteTopology<T>,
                SupportsPreCommitTopology<PinotCommittable, PinotCommittable>,
                Serializable {
    private static final long serialVersionUID = 1L;

    private final SinkSettings settings;
    private final RowConverter<T> converter;
    /** Drawn anew whenever a job is made of the sink. */
    private String submission = TaskContext.newRun();

    protected PinotSinkBase(SinkSettings settings, RowConverter<T> converter) {
        this.settings = settings;
        this.converter = converter;
    }

    /**
     * Takes the rows that the table does not take out of a stream: they are the side output {@link RowChecker#REFUSED} of what this gives
     * back, and its rows are for this sink. Rows are converted once more for it, by what the sink itself converts them with.
     *
     * <pre>{@code
     * SingleOutputStreamOperator<Row> rows = sink.split(stream);
     * rows.sinkTo(sink);
     * rows.getSideOutput(RowChecker.REFUSED).sinkTo(others);
     * }</pre>
     */
    public SingleOutputStreamOperator<T> split(DataStream<T> rows) {
        return rows.transform("Rows of " + settings.table(), rows.getType(), new RowChecker<>(settings, converter));
    }

    /** A writer that begins; what 1.20 calls where 2.x has but one method. */
    protected StatefulSinkWriter<T, WriterState> newWriter(WriterInitContext context) throws IOException {
        return restoreWriter(context, Collections.emptyList());
    }

    @Override
    public StatefulSinkWriter<T, WriterState> restoreWriter(WriterInitContext context, Collection<WriterState> states)
            throws IOException {
        return PinotSinkWriter.open(settings, converter, submission, states, context);
    }

    @Override
    public SimpleVersionedSerializer<WriterState> getWriterStateSerializer() {
        return new WriterStateSerializer();
    }

    @Override
    public Committer<PinotCommittable> createCommitter(CommitterInitContext context) {
        return new PinotCommitter(settings, context.metricGroup());
    }

    @Override
    public SimpleVersionedSerializer<PinotCommittable> getCommittableSerializer() {
        return new PinotCommittableSerializer();
    }

    @Override
    public SimpleVersionedSerializer<PinotCommittable> getWriteResultSerializer() {
        return new PinotCommittableSerializer();
    }

    @Override
    public DataStream<T> addPreWriteTopology(DataStream<T> rows) {
        if (settings.partitioner() == null) {
            return rows;
        }
        return PartitionExchange.of(rows, settings.partitioner(), converter);
    }

    @Override
    public DataStream<CommittableMessage<PinotCommittable>> addPreCommitTopology(
            DataStream<CommittableMessage<PinotCommittable>> writers) {
        submission = TaskContext.newRun();
        SingleOutputStreamOperator<CommittableMessage<PinotCommittable>> together = writers.global()
                .transform(
                        "Pinot segments of " + settings.table(),
                        CommittableMessageTypeInfo.of(PinotCommittableSerializer::new),
                        new CommittableAggregator(settings, submission))
                .setParallelism(1)
                .setMaxParallelism(1);
        if (hasUid(writers.getTransformation())) {
            // Flink puts that of the sink before it, and refuses it where the sink has none.
            together.uid("segments");
        }
        // All of it to the first committer, and not in this task: publishing takes its time.
        return together.global();
    }

    /** Whether whoever made the job gave the sink a uid: the writers have it then. */
    private static boolean hasUid(Transformation<?> writers) {
        boolean isExchange = writers instanceof PartitionTransformation;
        return writers.getUid() != null || isExchange && hasUid(writers.getInputs().get(0));
    }
}
