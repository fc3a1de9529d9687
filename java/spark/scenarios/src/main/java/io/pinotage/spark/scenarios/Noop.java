package io.pinotage.spark.scenarios;

import java.nio.file.Paths;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** How long the rows of a query take to come, which nobody keeps. */
final class Noop {
    private static final double NANOS = 1e9;

    private Noop() {}

    /** Seconds of the last statement of a script; what stands before it is not measured. */
    static String run(SparkSession shared, Options options) throws Exception {
        SparkSession spark = shared.newSession();
        double seconds = 0;
        for (String statement : Sql.statements(Paths.get(options.text("script")))) {
            long begun = System.nanoTime();
            Dataset<Row> found = Sql.statement(spark, statement);
            if (found != null) {
                found.write().format("noop").mode("overwrite").save();
            }
            seconds = (System.nanoTime() - begun) / NANOS;
        }
        return Double.toString(seconds);
    }
}
