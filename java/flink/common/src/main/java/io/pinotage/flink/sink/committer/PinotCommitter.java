package io.pinotage.flink.sink.committer;

import io.pinotage.PinotageException;
import io.pinotage.flink.sink.SinkSettings;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Publication;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.StagedFiles;
import java.util.Collection;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings segments into the table, those of a checkpoint after those of the one before.
 *
 * <p>The library publishes in a thread of its own; this one waits for it, and ends at once when the task is cancelled. Flink
 * 1.20.1 and later ask again immediately what is to be retried later, ten times, and fail the job then, so that
 * {@code retryLater} is no way to wait. What a call has begun and not ended, the next one goes on with, in this process or another.
 */
public final class PinotCommitter implements Committer<PinotCommittable> {
    private static final Logger LOG = LoggerFactory.getLogger(PinotCommitter.class);
    private static final long LOOK_MILLIS = 500;
    private static final int TRIES = 6;
    private static final long FIRST_PAUSE_MILLIS = 1_000;

    private final SinkSettings settings;
    private final PinotSinkTable table;
    private final Counter publications;
    private final Counter segments;
    private final Counter millis;
    private volatile long lastMillis;

    /** A committer of the table. */
    public PinotCommitter(SinkSettings settings, MetricGroup metrics) {
        this.settings = settings;
        this.publications = metrics.counter("publications");
        this.segments = metrics.counter("segmentsPublished");
        this.millis = metrics.counter("publicationMillis");
        metrics.gauge("lastPublicationMillis", () -> lastMillis);
        this.table = PinotSinkTable.of(settings.description());
    }

    @Override
    public void commit(Collection<CommitRequest<PinotCommittable>> requests) throws InterruptedException {
        for (CommitRequest<PinotCommittable> request : requests) {
            PinotCommittable committable = request.getCommittable();
            try (SinkCommitter committer = table.openCommitter(committable.run(), committable.lives())) {
                if (!committable.segments().isEmpty()) {
                    commit(committer, committable);
                }
                forget(committer, committable.staged());
            }
        }
    }

    /** Behind these segments no state goes on that needs anything of writers that are gone, but for what is excepted. */
    private void forget(SinkCommitter committer, StagedFiles over) {
        if (over.lives().isEmpty()) {
            return;
        }
        try {
            committer.forget(over);
        } catch (PinotageException error) {
            LOG.warn("staging of {} keeps what nobody needs any more", settings.table(), error);
        }
    }

    /** A cluster that does not answer is asked again a few times; then the job's restart strategy decides. */
    private void commit(SinkCommitter committer, PinotCommittable committable) throws InterruptedException {
        long pause = FIRST_PAUSE_MILLIS;
        for (int attempt = 1; ; attempt++) {
            try {
                publish(committer, committable);
                return;
            } catch (PinotageException error) {
                if (!error.retryable() || attempt == TRIES) {
                    throw error;
                }
                LOG.warn("{} into {} is tried again in {} ms", committable, settings.table(), pause, error);
            }
            Thread.sleep(pause);
            pause *= 2;
        }
    }

    private void publish(SinkCommitter committer, PinotCommittable committable) throws InterruptedException {
        long begin = System.nanoTime();
        try (Publication publication = committer.start(committable.segments())) {
            while (!publication.await(LOOK_MILLIS).state().isOver()) {
                LOG.debug("{} into {}: {}", committable, settings.table(), publication.poll());
            }
            for (String warning : publication.warnings()) {
                LOG.warn("{} into {}: {}", committable, settings.table(), warning);
            }
            publication.check();
        }
        lastMillis = (System.nanoTime() - begin) / 1_000_000;
        millis.inc(lastMillis);
        publications.inc();
        segments.inc(committable.segments().size());
        LOG.info("{} are in {}", committable, settings.table());
    }

    @Override
    public void close() {
        table.close();
    }
}
