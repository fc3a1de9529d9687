package io.pinotage.spark;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.spark.write.WriteListener;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkStageInfo;
import org.apache.spark.SparkThrowable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.JavaSparkStatusTracker;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.DataFrameWriterV2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * Runs a job file in Spark's driver: {@code pinotage run --engine spark} has {@code spark-submit} start it, with the file of a
 * {@link JobScript}. Lines of standard output that begin with {@code pinotage-job} say how it goes on. It stops when its standard input
 * ends, if the script says that somebody holds it.
 */
public final class JobRunner implements WriteListener {
    private static final String SIGN = "pinotage-job ";
    private static final String CATALOG = "pinotage_job";
    private static final long LOOK_MILLIS = 100;
    private static final int LOOKS_A_LINE = 10;
    private static final int MESSAGE_CHARS = 16_384;

    /** What SQLSTATE calls a fault of the data. */
    private static final String DATA = "22";

    private static final Pattern NO_FORMAT = Pattern.compile("Failed to find (?:the )?data source: ([^.,\\s]+)");

    private final JobScript script;
    private final PrintStream out;
    private volatile boolean isStopping;
    private volatile boolean isPublishing;
    private volatile Throwable failure;
    private String shown = "";

    private JobRunner(JobScript script, PrintStream out) {
        this.script = script;
        this.out = out;
    }

    /** Takes the file of a script. */
    public static void main(String[] args) throws Throwable {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, "UTF-8");
        JobScript script = JobScript.read(args[0]);
        try {
            new JobRunner(script, out).run();
        } catch (Throwable error) {
            out.println(SIGN + "failed " + chain(explained(error)).replace("\r", "").replace("\n", "\\n"));
            if (script.isWatched()) {
                error.printStackTrace();
                System.exit(1);
            }
            throw error;
        }
        if (script.isWatched()) {
            // Threads of others are no reason to stay.
            System.exit(0);
        }
    }

    private void run() throws Throwable {
        if (script.isWatched()) {
            Thread listener = new Thread(this::listen, "pinotage-stop");
            listener.setDaemon(true);
            listener.start();
        }
        SparkSession.Builder builder = SparkSession.builder();
        script.settings().forEach((name, value) -> builder.config(name, value));
        SparkSession spark = builder.getOrCreate();
        try {
            WriteListener.listen(this);
            Thread job = new Thread(() -> write(spark), "pinotage-job");
            job.start();
            watch(spark, job);
        } finally {
            spark.stop();
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Waits for the end of the input. */
    private void listen() {
        InputStream in = System.in;
        try {
            while (in.read() >= 0) {
                // Nobody says anything.
            }
        } catch (IOException closed) {
            // As at its end.
        }
        isStopping = true;
    }

    /** Waits for the job, says how it goes on, and stops it when it has to. */
    private void watch(SparkSession spark, Thread job) throws InterruptedException {
        JavaSparkStatusTracker tracker = JavaSparkContext.fromSparkContext(spark.sparkContext()).statusTracker();
        boolean isInterrupted = false;
        for (int look = 1; job.isAlive(); look++) {
            job.join(LOOK_MILLIS);
            if (look % LOOKS_A_LINE == 0) {
                progress(tracker);
            }
            if (!isStopping) {
                continue;
            }
            if (isPublishing && !isInterrupted) {
                isInterrupted = true;
                job.interrupt();
            } else if (!isPublishing) {
                // What it has staged goes when its tasks have ended.
                spark.sparkContext().cancelAllJobs();
            }
        }
    }

    private void progress(JavaSparkStatusTracker tracker) {
        int tasks = 0;
        int done = 0;
        for (int id : tracker.getActiveStageIds()) {
            SparkStageInfo stage = tracker.getStageInfo(id);
            if (stage != null) {
                tasks += stage.numTasks();
                done += stage.numCompletedTasks();
            }
        }
        if (tasks > 0) {
            say("running: " + done + " of " + tasks + " tasks");
        }
    }

    private void say(String text) {
        if (!text.equals(shown)) {
            out.println(SIGN + "progress " + text);
            shown = text;
        }
    }

    @Override
    public void publishing(int segments) {
        isPublishing = true;
        say("publishing " + segments + " segments");
    }

    @Override
    public void published(int segments, long rows, long quarantined) {
        isPublishing = false;
        out.println(SIGN + "written " + segments + " " + rows + " " + quarantined);
    }

    private void write(SparkSession spark) {
        try {
            spark.sparkContext().setJobGroup(CATALOG, "pinotage", true);
            source(spark);
            into(spark, spark.sql(script.get("query")));
        } catch (Throwable error) {
            failure = error;
        }
    }

    /** The view that the query reads. */
    private void source(SparkSession spark) {
        DataFrameReader reader = spark.read().format(script.get("source.format"));
        if (script.get("source.columns") != null) {
            reader.schema(script.get("source.columns"));
        }
        script.below("source.option.").forEach((name, value) -> reader.option(name, value));
        String[] paths = script.paths();
        Dataset<Row> rows = paths.length == 0 ? reader.load() : reader.load(paths);
        String view = script.get("source.view");
        if (view == null) {
            rows.createOrReplaceTempView("source");
            return;
        }
        rows.createOrReplaceTempView("source_read");
        spark.sql(view).createOrReplaceTempView("source");
    }

    private void into(SparkSession spark, Dataset<Row> rows) throws Exception {
        String overwrite = script.get("overwrite");
        if (overwrite == null || overwrite.equals("table")) {
            DataFrameWriter<Row> writer = rows.write().format(PinotageSource.NAME).mode(overwrite == null ? "append" : "overwrite");
            script.below("sink.").forEach((name, value) -> writer.option(name, value));
            writer.save();
            return;
        }
        // Spark overwrites parts of the tables of catalogs alone.
        String catalog = "spark.sql.catalog." + CATALOG;
        spark.conf().set(catalog, PinotCatalog.class.getName());
        script.below("sink.").forEach((name, value) -> spark.conf().set(catalog + "." + name, value));
        String table = CATALOG + ".default.`" + script.get("sink.table").replace("`", "``") + "`";
        DataFrameWriterV2<Row> writer = rows.writeTo(table);
        if (overwrite.equals("partitions")) {
            writer.overwritePartitions();
        } else {
            writer.overwrite(functions.expr(overwrite));
        }
    }

    /** What Spark says, as an error of ours where it is known whose move it is. */
    private static Throwable explained(Throwable error) {
        for (Throwable at = error; at != null; at = at.getCause()) {
            String message = String.valueOf(at.getMessage());
            Matcher missing = NO_FORMAT.matcher(message);
            if (at instanceof PinotageException || message.contains(PinotageException.class.getName())) {
                return error;
            }
            if (missing.find()) {
                return new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "Spark has no format `" + missing.group(1) + "`",
                        "name the package that has it in `engine.spark.packages`, such as "
                                + "`org.apache.spark:spark-avro_2.13:<version of Spark>`");
            }
            String line = message.split("\n", 2)[0];
            if (at instanceof AnalysisException) {
                return new PinotageException(ErrorKind.INVALID_CONFIG, line, "correct `transform.sql`, or what `source` says");
            }
            if (at instanceof SparkThrowable && String.valueOf(((SparkThrowable) at).getSqlState()).startsWith(DATA)) {
                return new PinotageException(
                        ErrorKind.INVALID_DATA, line, "correct the rows, or leave them out in `transform.sql`: `try_cast` makes nulls");
            }
        }
        return error;
    }

    /** All messages, without the frames. */
    private static String chain(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable at = error; at != null; at = at.getCause()) {
            String message = at.toString();
            text.append(text.length() == 0 ? "" : "\nCaused by: ");
            text.append(message, 0, Math.min(message.length(), MESSAGE_CHARS));
        }
        return text.toString();
    }
}
