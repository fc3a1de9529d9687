package io.pinotage.flink.sink.committer;

import io.pinotage.PinotageException;
import io.pinotage.flink.DeliveryGuarantee;
import io.pinotage.flink.sink.Completed;
import io.pinotage.flink.sink.Runs;
import io.pinotage.flink.sink.SinkSettings;
import io.pinotage.sink.Committable;
import io.pinotage.sink.Lives;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.StagedFiles;
import io.pinotage.sink.TaskContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.core.io.SimpleVersionedSerialization;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableSummary;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Between the writers and the committer, once for the job: the segments of all writers become one committable, no more often than
 * the publish interval, so that they appear together. Segments that wait are state of this operator.
 *
 * <p>When a job goes on it looks whether the table fits the checkpoint, before the first row: only it always has the job's run. It draws
 * an id for the process then, which goes with all segments of its epochs: of two jobs that go on from one checkpoint, the later
 * one to publish is stopped.
 *
 * <p>It also knows what nobody needs any more of what writers have staged that are gone ({@link Leftovers}).
 */
public final class CommittableAggregator extends AbstractStreamOperator<CommittableMessage<PinotCommittable>>
        implements OneInputStreamOperator<CommittableMessage<PinotCommittable>, CommittableMessage<PinotCommittable>>,
                BoundedOneInput {
    private static final long serialVersionUID = 1L;
    private static final long TELL_MILLIS = 30_000;

    private final SinkSettings settings;
    private final String submission;

    private transient PinotCommittableSerializer serializer;
    private transient ListState<byte[]> state;
    private transient PinotSinkTable table;
    private transient String run;
    private transient Lives lives;
    private transient List<Committable> waiting;
    private transient long lastCheckpoint;
    private transient long publishedMillis;
    private transient long toldMillis;
    /** Null where an older state may go on at any time. */
    private transient Leftovers leftovers;

    /**
     * @param submission the id that was drawn when the job was submitted
     */
    public CommittableAggregator(SinkSettings settings, String submission) {
        this.settings = settings;
        this.submission = submission;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        serializer = new PinotCommittableSerializer();
        waiting = new ArrayList<>();
        lives = Lives.NONE;
        lastCheckpoint = context.getRestoredCheckpointId().orElse(0);
        state = context.getOperatorStateStore()
                .getListState(new ListStateDescriptor<>("pinotage-waiting", BytePrimitiveArraySerializer.INSTANCE));
        for (byte[] bytes : state.get()) {
            PinotCommittable kept = SimpleVersionedSerialization.readVersionAndDeSerialize(serializer, bytes);
            run = kept.run();
            lives = kept.lives();
            waiting.addAll(kept.segments());
        }
        table = PinotSinkTable.of(settings.description());
        // Without a state of its own the sink is new to the job, whatever else the job goes on with.
        boolean isNew = run == null;
        run = isNew ? submission : run;
        getMetricGroup().gauge("segmentsWaiting", () -> waiting.size());
        boolean isExact = settings.guarantee() == DeliveryGuarantee.EXACTLY_ONCE;
        // Attempts that end before their first checkpoint have published nothing: they are one process.
        String life = isNew ? submission : TaskContext.newRun();
        lives = isExact ? lives.begin(life, lastCheckpoint) : Lives.NONE;
        Runs.tell(table, submission, run);
        if (isExact) {
            try (SinkCommitter committer = table.openCommitter(run, lives)) {
                leftovers = new Leftovers(settings.retentionMillis(), committer.lives());
                committer.check(lastCheckpoint);
            }
        }
    }

    @Override
    public void processElement(StreamRecord<CommittableMessage<PinotCommittable>> record) throws IOException {
        CommittableMessage<PinotCommittable> message = record.getValue();
        if (!(message instanceof CommittableWithLineage)) {
            if (leftovers != null) {
                leftovers.writers(((CommittableSummary<PinotCommittable>) message).getNumberOfSubtasks());
            }
            return;
        }
        PinotCommittable committable = ((CommittableWithLineage<PinotCommittable>) message).getCommittable();
        if (!committable.run().equals(run)) {
            throw new IOException("a writer has segments of run " + committable.run() + ", and the job is of run " + run
                    + ": its state was put together of two");
        }
        waiting.addAll(committable.segments());
        if (leftovers != null) {
            leftovers.add(((CommittableWithLineage<PinotCommittable>) message).getSubtaskId(), committable.staged());
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
        super.prepareSnapshotPreBarrier(checkpoint);
        lastCheckpoint = checkpoint;
        long now = System.currentTimeMillis();
        if (now - publishedMillis >= settings.publishMillis() && emit(checkpoint, false)) {
            publishedMillis = now;
        }
    }

    @Override
    public void endInput() {
        // The last checkpoint, if there are any, has a later number.
        emit(lastCheckpoint + 1, true);
    }

    private boolean emit(long checkpoint, boolean isLast) {
        StagedFiles over = waiting.isEmpty() && !isLast ? StagedFiles.NONE : over(isLast);
        if (waiting.isEmpty() && over.lives().isEmpty()) {
            return false;
        }
        waiting.sort(Comparator.comparingLong(Committable::epoch));
        PinotCommittable all = new PinotCommittable(run, lives, waiting, over);
        output.collect(new StreamRecord<>(new CommittableSummary<>(0, 1, checkpoint, 1, 1, 0)));
        output.collect(new StreamRecord<>(new CommittableWithLineage<>(all, checkpoint, 0)));
        waiting.clear();
        return true;
    }

    private StagedFiles over(boolean isLast) {
        if (leftovers == null || !isLast && !leftovers.isDue()) {
            return StagedFiles.NONE;
        }
        return isLast ? leftovers.all() : leftovers.ofOthers();
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        PinotCommittable kept = new PinotCommittable(run, lives, waiting);
        state.update(Collections.singletonList(
                SimpleVersionedSerialization.writeVersionAndSerialize(serializer, kept)));
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) throws Exception {
        super.notifyCheckpointComplete(checkpoint);
        long now = System.currentTimeMillis();
        if (now - toldMillis < Math.min(TELL_MILLIS, settings.retentionMillis())) {
            return;
        }
        toldMillis = now;
        try {
            Completed.tell(table, run, checkpoint);
        } catch (PinotageException error) {
            LOG.warn("writers were not told that checkpoint {} is complete; staging grows until they are", checkpoint, error);
        }
    }

    @Override
    public void close() throws Exception {
        if (table != null) {
            table.close();
        }
        super.close();
    }
}
