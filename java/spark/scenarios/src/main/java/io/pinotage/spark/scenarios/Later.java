package io.pinotage.spark.scenarios;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Statements as {@link Sql} runs them, the last of which is planned, and read when somebody says so. */
final class Later {
    private static final long LOOK_MILLIS = 20;

    private Later() {}

    /** The rows of the last statement: planned when there is a file {@code planned} beside the script, read when there is one {@code go}. */
    static String run(SparkSession shared, Options options) throws Exception {
        SparkSession spark = shared.newSession();
        Path script = Paths.get(options.text("script"));
        Dataset<Row> last = null;
        for (String statement : Sql.statements(script)) {
            last = Sql.statement(spark, statement);
        }
        last.queryExecution().executedPlan();
        Files.createFile(script.resolveSibling("planned"));
        while (!Files.exists(script.resolveSibling("go"))) {
            Thread.sleep(LOOK_MILLIS);
        }
        return last.collectAsList().stream().map(Row::toString).collect(Collectors.joining(" "));
    }
}
