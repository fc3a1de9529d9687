package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.sink.PinotSinkTable;

/**
 * The run of a job: the id that its state has for ever.
 *
 * <p>A submission draws an id. A job without a state takes it as its run; one that goes on takes the run of its state, whatever
 * was drawn. A writer may find nothing in its part of the state though: there are more of them than before, or it had come to its
 * end at the time of the checkpoint. It learns the run from the aggregator, of which there is one and which always has a state: by
 * a file in staging under the id of the submission.
 */
public final class Runs {
    private static final long LIMIT_MILLIS = 60_000;
    private static final long PAUSE_MILLIS = 100;

    private Runs() {}

    /** Tells the writers of a submission its run. */
    public static void tell(PinotSinkTable table, String submission, String run) {
        table.writeStagingProbe(name(submission), run);
    }

    /** The run of a submission, as the aggregator tells it. */
    public static String ask(PinotSinkTable table, String submission) {
        long end = System.nanoTime() + LIMIT_MILLIS * 1_000_000;
        while (true) {
            try {
                return table.readStagingProbe(name(submission));
            } catch (PinotageException missing) {
                if (missing.kind() == ErrorKind.CANCELLED || System.nanoTime() > end) {
                    throw missing;
                }
            }
            try {
                Thread.sleep(PAUSE_MILLIS);
            } catch (InterruptedException stop) {
                Thread.currentThread().interrupt();
                throw new PinotageException(ErrorKind.CANCELLED, "the task was asked to stop", "start the job again");
            }
        }
    }

    private static String name(String submission) {
        return "submission-" + submission;
    }
}
