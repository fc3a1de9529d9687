package io.pinotage.spark.scenarios;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.spark.sql.SparkSession;

/** Statements as {@link Sql} runs them, and what memory the process has meanwhile. */
final class Memory {
    private static final long LOOK_MILLIS = 20;

    private Memory() {}

    /** The rows of the last statement, then the most memory of its own (RssAnon) that the process had, in KiB. */
    static String run(SparkSession spark, Options options) throws Exception {
        AtomicBoolean isEnded = new AtomicBoolean();
        long[] most = new long[1];
        Thread looking = new Thread(() -> {
            while (!isEnded.get()) {
                most[0] = Math.max(most[0], anonymous());
                try {
                    Thread.sleep(LOOK_MILLIS);
                } catch (InterruptedException stopped) {
                    return;
                }
            }
        });
        looking.start();
        try {
            return Sql.run(spark, options) + " " + most[0];
        } finally {
            isEnded.set(true);
            looking.join();
        }
    }

    private static long anonymous() {
        try {
            for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
                if (line.startsWith("RssAnon:")) {
                    return Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
            throw new IllegalStateException("the system does not say how much memory there is");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
