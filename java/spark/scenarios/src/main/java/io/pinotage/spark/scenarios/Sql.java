package io.pinotage.spark.scenarios;

import io.pinotage.spark.PinotageSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Statements of a file, one behind the other, and {@code VIEW name ('option' = 'value', …) [COLUMNS …]}: a table that is read
 * through the format's name.
 */
final class Sql {
    private static final Pattern VIEW = Pattern.compile("VIEW (\\w+) \\((.*?)\\)(?: COLUMNS (.*))?", Pattern.DOTALL);
    private static final Pattern OPTION = Pattern.compile("'([^']*)' = '([^']*)'");

    private Sql() {}

    /** The rows of the last statement; with {@code plan=executed} the plan by which they came, with {@code plan=tasks} how many had them. */
    static String run(SparkSession shared, Options options) throws Exception {
        // What a script sets is its own.
        SparkSession spark = shared.newSession();
        String rows = "";
        for (String statement : statements(Paths.get(options.text("script")))) {
            Dataset<Row> found = statement(spark, statement);
            if (found == null) {
                continue;
            }
            List<Row> all = found.collectAsList();
            rows = shown(found, all, options.text("plan", ""));
        }
        return rows;
    }

    static List<String> statements(Path script) throws IOException {
        String[] statements = Files.readString(script).split(";\\s*(\n|$)");
        return Arrays.stream(statements).filter(statement -> !statement.isBlank()).collect(Collectors.toList());
    }

    private static String shown(Dataset<Row> found, List<Row> all, String plan) {
        switch (plan) {
            case "executed":
                return found.queryExecution().executedPlan().toString();
            case "tasks":
                return Integer.toString(found.javaRDD().getNumPartitions());
            default:
                return all.stream().map(Row::toString).collect(Collectors.joining(" "));
        }
    }

    /** What a statement gives; null for a {@code VIEW}, which is made. */
    static Dataset<Row> statement(SparkSession spark, String statement) {
        Matcher view = VIEW.matcher(statement.trim());
        if (!view.matches()) {
            return spark.sql(statement);
        }
        view(spark, view.group(1), view.group(2), view.group(3));
        return null;
    }

    private static void view(SparkSession spark, String name, String text, String columns) {
        Map<String, String> options = new HashMap<>();
        Matcher option = OPTION.matcher(text);
        while (option.find()) {
            options.put(option.group(1), option.group(2));
        }
        DataFrameReader reader = spark.read().format(PinotageSource.NAME).options(options);
        if (columns != null) {
            reader.schema(columns);
        }
        reader.load().createOrReplaceTempView(name);
    }
}
