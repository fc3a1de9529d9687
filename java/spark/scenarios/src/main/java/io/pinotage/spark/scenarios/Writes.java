package io.pinotage.spark.scenarios;

import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.DataFrameWriterV2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.Trigger;
import org.apache.spark.sql.types.DataTypes;

/** Numbered rows into a table. */
final class Writes {
    private static final String OPTION = "o:";
    private static final long TIME = 1_700_000_000_000L;

    private Writes() {}

    /** Columns of row {@code id}, which the tests compute as well. */
    private static final String[] COLUMNS = {
        "id",
        "concat('k', id % 500) AS key",
        "CASE WHEN id % 2 = 0 THEN array('even', concat('n', id % 10)) ELSE array('odd') END AS tags",
        "CAST(id AS DOUBLE) * 0.25 AS price",
        "timestamp_millis(" + TIME + " + id) AS at"
    };

    /** Rows {@code from} to {@code from + rows}, in so many tasks. */
    static String batch(SparkSession shared, Options options) throws Exception {
        // Catalogs are those of a session.
        SparkSession spark = shared.newSession();
        long from = options.number("from", 0);
        long rows = options.number("rows", 1000);
        spark.udf().register("met", meeting(options), DataTypes.LongType);
        Dataset<Row> ids = spark.range(from, from + rows, 1, (int) options.number("tasks", 2)).selectExpr("met(id) AS id");
        String mode = options.text("mode", "append");
        if (mode.equals("dynamic")) {
            throughCatalog(spark, columns(ids, options), options).overwritePartitions();
            return "written";
        }
        if (mode.equals("where")) {
            throughCatalog(spark, columns(ids, options), options).overwrite(functions.expr(blanks(options.text("where"))));
            return "written";
        }
        DataFrameWriter<Row> writer = columns(ids, options).write().format("pinotage").mode(mode);
        options.forEach((name, value) -> {
            if (name.startsWith(OPTION)) {
                writer.option(name.substring(OPTION.length()), value);
            }
        });
        writer.save();
        return options.has("takeAt") ? "written beside " + Neighbour.taken() + " bytes" : "written";
    }

    /** A write through a catalog. */
    private static DataFrameWriterV2<Row> throughCatalog(SparkSession spark, Dataset<Row> rows, Options options) {
        String catalog = "spark.sql.catalog.written";
        spark.conf().set(catalog, "io.pinotage.spark.PinotCatalog");
        options.forEach((name, value) -> {
            if (name.startsWith(OPTION) && !name.equals(OPTION + "table")) {
                spark.conf().set(catalog + "." + name.substring(OPTION.length()), value);
            }
        });
        return rows.writeTo("written.default." + options.text(OPTION + "table"));
    }

    /** The same as a stream of files, a batch each, to its end. */
    static String stream(SparkSession spark, Options options) throws Exception {
        String input = options.text("input");
        long files = options.number("files", 1);
        long rows = options.number("rows", 1000) / files;
        for (long file = 0; file < files && !Files.exists(Paths.get(input, "files=" + files)); file++) {
            spark.range(file * rows, (file + 1) * rows, 1, 1).write().parquet(input + "/file=" + file);
        }
        Files.createDirectories(Paths.get(input, "files=" + files));
        Dataset<Row> ids = spark.readStream()
                .schema("id BIGINT")
                .option("maxFilesPerTrigger", 1)
                .parquet(input + "/file=*")
                .repartition((int) options.number("tasks", 2));
        DataStreamWriter<Row> writer = columns(ids, options).writeStream().format("pinotage");
        Map<String, String> all = new HashMap<>();
        options.forEach((name, value) -> {
            if (name.startsWith(OPTION)) {
                all.put(name.substring(OPTION.length()), value);
            }
        });
        all.put("checkpointLocation", options.text("checkpoint"));
        // What it gives back has another type in each line.
        writer.getClass().getMethod("options", Map.class).invoke(writer, all);
        writer.trigger(Trigger.AvailableNow()).start().awaitTermination();
        return "ended";
    }

    private static Dataset<Row> columns(Dataset<Row> ids, Options options) {
        Dataset<Row> all = ids.selectExpr(COLUMNS);
        return options.has("columns") ? all.selectExpr(blanks(options.text("columns")).split(";")) : all;
    }

    /** Options of a scenario have none: they separate them. */
    private static String blanks(String text) {
        return text.replace('~', ' ');
    }

    /** What happens where a row is met: its task fails, once or as often as it is tried, or it takes its time. */
    private static UDF1<Long, Long> meeting(Options options) {
        long failing = options.number("failAt", -1);
        long failures = options.number("failures", 1);
        long slow = options.number("slowAt", -1);
        long millis = options.number("slowMillis", 0);
        long taking = options.number("takeAt", -1);
        long bytes = options.number("takeBytes", 0);
        return id -> {
            int attempt = TaskContext.get().attemptNumber();
            if (id == failing && attempt < failures) {
                throw new IllegalStateException("attempt " + attempt + " of the task fails here");
            }
            if (id == slow && attempt == 0) {
                Thread.sleep(millis);
            }
            if (id == taking) {
                Neighbour.take(bytes);
            }
            return id;
        };
    }
}
