package io.pinotage.flink.scenarios;

import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Statements of a file, one behind the other. */
final class Sql {
    private static final long LIMIT_MINUTES = 8;

    private Sql() {}

    /** The rows of the last query. */
    static String run(Options options, Configuration configuration) throws Exception {
        configuration.setString("parallelism.default", options.text("parallelism", "2"));
        // So that a TaskManager of this process has room for all of them.
        configuration.setString("taskmanager.numberOfTaskSlots", "8");
        // Flink 2.3 asks otherwise what becomes of rows of one key that a query only adds. Pinot knows: the latest counts.
        configuration.setString("table.exec.sink.require-on-conflict", "false");
        EnvironmentSettings settings =
                EnvironmentSettings.newInstance().withConfiguration(configuration).build();
        TableEnvironment env = TableEnvironment.create(settings);
        String script = Files.readString(Paths.get(options.text("script")));
        List<String> rows = new ArrayList<>();
        for (String statement : script.split(";\\s*(\n|$)")) {
            if (statement.isBlank()) {
                continue;
            }
            TableResult result = env.executeSql(statement);
            if (statement.stripLeading().toUpperCase(java.util.Locale.ROOT).startsWith("INSERT")) {
                result.await(LIMIT_MINUTES, TimeUnit.MINUTES);
                continue;
            }
            rows.clear();
            try (CloseableIterator<Row> found = result.collect()) {
                found.forEachRemaining(row -> rows.add(row.toString()));
            }
        }
        return String.join(" ", rows);
    }
}
