package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;

/**
 * Rows that the table does not take, as lines of JSON in a file {@code <table>-<run>-<epoch>.jsonl} of a folder that Spark can write
 * to. The driver writes it, before rows appear: it has those of the attempts that count.
 */
final class Quarantine {
    /** What the driver takes of a task, at most. */
    static final long TASK_CHARS = 16L << 20;

    private Quarantine() {}

    static void write(WriteSettings settings, Run run, List<String> rows) {
        if (settings.quarantine() == null || rows.isEmpty()) {
            return;
        }
        Path file = new Path(settings.quarantine(), settings.table() + "-" + run.id() + "-" + run.epoch() + ".jsonl");
        try (OutputStream out = file.getFileSystem(SparkSession.active().sparkContext().hadoopConfiguration()).create(file, true)) {
            for (String row : rows) {
                out.write((row + "\n").getBytes(StandardCharsets.UTF_8));
            }
        } catch (IOException error) {
            throw new PinotageException(
                    ErrorKind.UNAVAILABLE, "cannot write " + file + ": " + error, "look at the folder, and write again", error);
        }
    }
}
