package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.sink.Committable;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Publication;
import io.pinotage.sink.Replacing;
import io.pinotage.sink.SinkCommitter;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.connector.write.WriterCommitMessage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings the segments of a run into the table, in the driver. The library publishes in a thread of its own; this one waits for it. */
final class Publisher {
    private static final Logger LOG = LoggerFactory.getLogger(Publisher.class);
    private static final long LOOK_MILLIS = 500;
    private static final int TRIES = 6;
    private static final long FIRST_PAUSE_MILLIS = 1_000;

    /** Errors behind which no row has come in. Behind all others nobody knows, and the rows that the table has refused stay where they were put. */
    private static final Set<ErrorKind> NOTHING_IN =
            EnumSet.of(ErrorKind.INVALID_CONFIG, ErrorKind.SCHEMA_MISMATCH, ErrorKind.UNSUPPORTED, ErrorKind.NOT_FOUND);

    private Publisher() {}

    /** What tasks have made: first the rows that the table does not take are where they are to be, then the others in the table. */
    static void commit(WriteSettings settings, Run run, WriterCommitMessage[] messages, Replacing replacing) {
        Quarantine quarantine = settings.quarantine();
        if (quarantine != null) {
            quarantine.collect(run, StagedSegments.quarantined(messages));
        }
        try {
            publish(settings, run, StagedSegments.segments(messages), replacing);
        } catch (PinotageException error) {
            if (quarantine != null && NOTHING_IN.contains(error.kind())) {
                quarantine.remove(run);
            }
            throw error;
        }
        forget(settings, run);
    }

    /** A cluster that does not answer is asked again a few times. What one try has begun, the next one goes on with. */
    private static void publish(WriteSettings settings, Run run, List<Committable> segments, Replacing replacing) {
        try (PinotSinkTable table = PinotSinkTable.of(settings.description());
                SinkCommitter committer = table.openCommitter(run.id())) {
            long pause = FIRST_PAUSE_MILLIS;
            for (int attempt = 1; ; attempt++) {
                try {
                    publish(settings, committer, segments, replacing);
                    return;
                } catch (PinotageException error) {
                    if (!error.retryable() || attempt == TRIES) {
                        throw error;
                    }
                    LOG.warn("segments of {} are tried again in {} ms", settings.table(), pause, error);
                }
                Thread.sleep(pause);
                pause *= 2;
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new PinotageException(
                    ErrorKind.CANCELLED, "the job was stopped; segments on their way are not visible yet", "write again", stop);
        }
    }

    private static void publish(
            WriteSettings settings, SinkCommitter committer, List<Committable> segments, Replacing replacing)
            throws InterruptedException {
        try (Publication publication = committer.start(segments, replacing)) {
            while (!publication.await(LOOK_MILLIS).state().isOver()) {
                LOG.debug("{}: {}", settings.table(), publication.poll());
            }
            for (String warning : publication.warnings()) {
                LOG.warn("{}: {}", settings.table(), warning);
            }
            publication.check();
        }
        LOG.info("{} segments are in {}", segments.size(), settings.table());
    }

    /** Puts something into staging that tasks have to see. */
    static void open(WriteSettings settings, Run run) {
        try (PinotSinkTable table = PinotSinkTable.of(settings.description())) {
            table.writeStagingProbe(run.probe(), settings.table());
        }
    }

    /** Leaves nothing of a write that has failed. */
    static void abort(WriteSettings settings, Run run) {
        if (settings.quarantine() != null) {
            settings.quarantine().removeAttempts(run);
        }
        forget(settings, run);
    }

    /** Removes what a run has in staging. What cannot be removed is said, and is no failure of the write. */
    private static void forget(WriteSettings settings, Run run) {
        try (PinotSinkTable table = PinotSinkTable.of(settings.description());
                SinkCommitter committer = table.openCommitter(run.id())) {
            committer.forget();
            table.removeStagingProbe(run.probe());
        } catch (PinotageException error) {
            LOG.warn("what run {} has left in staging cannot be removed", run.id(), error);
        }
    }
}
