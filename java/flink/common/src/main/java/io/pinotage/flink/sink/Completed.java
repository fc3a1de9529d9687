package io.pinotage.flink.sink;

import io.pinotage.PinotageException;
import io.pinotage.sink.PinotSinkTable;

/** The last checkpoint that is known to be complete: who commits hears of it and tells the writers, by a file in staging. */
public final class Completed {
    private Completed() {}

    /** Tells it. */
    public static void tell(PinotSinkTable table, String run, long checkpoint) {
        table.writeStagingProbe(name(run), Long.toString(checkpoint));
    }

    /** The last one that was told; 0 when none was. */
    static long read(PinotSinkTable table, String run) {
        try {
            return Long.parseLong(table.readStagingProbe(name(run)).trim());
        } catch (PinotageException | NumberFormatException unknown) {
            // Then nothing is let go, which is right.
            return 0;
        }
    }

    private static String name(String run) {
        return "complete-" + run;
    }
}
