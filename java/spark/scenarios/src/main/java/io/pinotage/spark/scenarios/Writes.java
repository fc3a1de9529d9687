package io.pinotage.spark.scenarios;

import org.apache.spark.TaskContext;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
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
    static String batch(SparkSession spark, Options options) {
        Dataset<Row> rows = rows(spark, options);
        DataFrameWriter<Row> writer = rows.write().format("pinotage").mode(options.text("mode", "append"));
        options.forEach((name, value) -> {
            if (name.startsWith(OPTION)) {
                writer.option(name.substring(OPTION.length()), value);
            }
        });
        writer.save();
        return "written";
    }

    private static Dataset<Row> rows(SparkSession spark, Options options) {
        long from = options.number("from", 0);
        long rows = options.number("rows", 1000);
        int tasks = (int) options.number("tasks", 2);
        spark.udf().register("met", meeting(options), DataTypes.LongType);
        Dataset<Row> ids = spark.range(from, from + rows, 1, tasks).selectExpr("met(id) AS id");
        Dataset<Row> all = ids.selectExpr(COLUMNS);
        if (options.has("columns")) {
            // Without blanks, which separate the options of a scenario.
            all = all.selectExpr(options.text("columns").replace('~', ' ').split(";"));
        }
        return all;
    }

    /** What happens where a row is met: its task fails, once or as often as it is tried, or it takes its time. */
    private static UDF1<Long, Long> meeting(Options options) {
        long failing = options.number("failAt", -1);
        long failures = options.number("failures", 1);
        long slow = options.number("slowAt", -1);
        long millis = options.number("slowMillis", 0);
        return id -> {
            int attempt = TaskContext.get().attemptNumber();
            if (id == failing && attempt < failures) {
                throw new IllegalStateException("attempt " + attempt + " of the task fails here");
            }
            if (id == slow && attempt == 0) {
                Thread.sleep(millis);
            }
            return id;
        };
    }
}
