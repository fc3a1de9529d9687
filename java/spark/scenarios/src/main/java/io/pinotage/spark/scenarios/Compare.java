package io.pinotage.spark.scenarios;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Queries of a file, a line each, of the tables of its first lines ({@code VIEW …}): the first one is copied to Parquet, and what a
 * query gives of {@code {t}} has to be the same for all of them and for the copy.
 */
final class Compare {
    private static final int SHOWN = 5;

    private Compare() {}

    /** How many rows were compared. */
    static String run(SparkSession shared, Options options) throws Exception {
        SparkSession spark = shared.newSession();
        Path script = Paths.get(options.text("script"));
        List<String> lines = Files.readAllLines(script);
        int views = 0;
        while (lines.get(views).startsWith("VIEW ")) {
            Sql.statement(spark, lines.get(views).replace("VIEW t", "VIEW t" + views));
            views++;
        }
        String copy = script.resolveSibling("copy").toString();
        spark.table("t0").write().parquet(copy);
        spark.read().parquet(copy).createOrReplaceTempView("copy");
        long rows = 0;
        for (String query : lines.subList(views, lines.size())) {
            List<String> wanted = rows(spark, query, "copy");
            for (int view = 0; view < views; view++) {
                List<String> found = rows(spark, query, "t" + view);
                if (!found.equals(wanted)) {
                    throw new AssertionError(lines.get(view) + ": " + query + "\n gives " + less(found, wanted) + "\n, and Parquet "
                            + less(wanted, found) + "\n by " + spark.sql(query.replace("{t}", "t" + view)).queryExecution());
                }
                rows += found.size();
            }
        }
        return Long.toString(rows);
    }

    /** The first of what is not among the others. */
    private static List<String> less(List<String> rows, List<String> others) {
        List<String> less = new ArrayList<>(rows);
        others.forEach(less::remove);
        return less.subList(0, Math.min(SHOWN, less.size()));
    }

    private static List<String> rows(SparkSession spark, String query, String table) {
        List<Row> rows = spark.sql(query.replace("{t}", table)).collectAsList();
        return rows.stream().map(Compare::text).sorted().collect(Collectors.toList());
    }

    private static String text(Row row) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < row.length(); i++) {
            Object value = row.get(i);
            text.append(value instanceof byte[] ? Arrays.toString((byte[]) value) : value).append('|');
        }
        return text.toString();
    }
}
