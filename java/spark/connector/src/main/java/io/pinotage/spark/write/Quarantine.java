package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.IOUtils;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rows that the table does not take, as lines of JSON in a file {@code <table>-<run>-<epoch>.jsonl} of a folder that Spark can write
 * to. Tasks write theirs beside it; the driver puts together those of the attempts that count, before rows appear.
 */
final class Quarantine implements Serializable {
    private static final long serialVersionUID = 1L;

    private static final Logger LOG = LoggerFactory.getLogger(Quarantine.class);
    private static final int BUFFER_BYTES = 1 << 16;

    private final String folder;
    private final String table;
    private final SerializableConfiguration hadoop;

    private Quarantine(String folder, String table, SerializableConfiguration hadoop) {
        this.folder = folder;
        this.table = table;
        this.hadoop = hadoop;
    }

    /** In the driver: that of a write; null without a folder. */
    static Quarantine of(String folder, String table) {
        if (folder == null) {
            return null;
        }
        return new Quarantine(
                folder, table, new SerializableConfiguration(SparkSession.active().sparkContext().hadoopConfiguration()));
    }

    private FileSystem files() throws IOException {
        return new Path(folder).getFileSystem(hadoop.value());
    }

    /** What a batch that is made again writes again. */
    private Path file(Run run) {
        return new Path(folder, table + "-" + run.name() + "-" + run.epoch() + ".jsonl");
    }

    private Path ofTasks(Run run) {
        return new Path(folder, ".tasks-" + run.id() + "-" + run.epoch());
    }

    /** The rows of one attempt of a task. */
    TaskFile open(Run run, int task) {
        // No other attempt chooses it.
        return new TaskFile(new Path(ofTasks(run), task + "-" + UUID.randomUUID()));
    }

    /** In the driver: the rows of these attempts, and of no others. */
    void collect(Run run, List<String> attempts) {
        Path file = file(run);
        try {
            FileSystem files = files();
            if (!attempts.isEmpty()) {
                try (OutputStream out = files.create(file, true)) {
                    for (String attempt : attempts) {
                        try (InputStream in = files.open(new Path(attempt))) {
                            IOUtils.copyBytes(in, out, BUFFER_BYTES);
                        }
                    }
                }
            }
            files.delete(ofTasks(run), true);
        } catch (IOException error) {
            throw unavailable(file, error);
        }
    }

    /** In the driver: takes back what was collected of rows that do not appear. */
    void remove(Run run) {
        remove(file(run));
    }

    /** In the driver: what attempts of tasks have left. */
    void removeAttempts(Run run) {
        remove(ofTasks(run));
    }

    private void remove(Path path) {
        try {
            files().delete(path, true);
        } catch (IOException error) {
            LOG.warn("the write has failed, and its rows that {} does not take cannot be removed from {}", table, path, error);
        }
    }

    private static PinotageException unavailable(Path file, IOException error) {
        return new PinotageException(
                ErrorKind.UNAVAILABLE, "cannot write " + file + ": " + error, "look at the folder, and write again", error);
    }

    /** Rows of a task, in a file that is there from the first one on. */
    final class TaskFile implements Closeable {
        private final Path path;
        private OutputStream out;
        private boolean isThere;

        private TaskFile(Path path) {
            this.path = path;
        }

        void add(String line) {
            try {
                if (out == null) {
                    out = files().create(path, false);
                    isThere = true;
                }
                out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            } catch (IOException error) {
                throw unavailable(path, error);
            }
        }

        /** Where they are, all of them; null when there are none. */
        String finish() {
            close();
            return isThere ? path.toString() : null;
        }

        @Override
        public void close() {
            try {
                if (out != null) {
                    out.close();
                    out = null;
                }
            } catch (IOException error) {
                throw unavailable(path, error);
            }
        }
    }
}
