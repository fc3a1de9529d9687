package io.pinotage.flink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.flink.table.PinotTableFactoryBase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableException;
import org.apache.flink.table.api.TablePipeline;
import org.apache.flink.table.types.DataType;

/**
 * Runs a job file: statements that declare its source, a query, and the options of the table in Pinot that gets the query's rows.
 * {@code pinotage run --engine flink} uploads the connector's jar and has it run by the cluster.
 *
 * <p>Arguments come in pairs: {@code --set key=value} of Flink's configuration, {@code --statement SQL}, {@code --query SQL},
 * {@code --sink key=value}, and {@code --key column} of the table's primary key.
 */
public final class JobRunner {
    private static final Pattern NO_FACTORY = Pattern.compile("Could not find any (?:factory|format factory) for identifier '([^']+)'");

    private final Configuration configuration = new Configuration();
    private final List<String> statements = new ArrayList<>();
    private final Map<String, String> sink = new TreeMap<>();
    private final List<String> key = new ArrayList<>();
    private String query;

    private JobRunner() {}

    /** Submits the job; it does not wait for its end. */
    public static void main(String[] args) {
        JobRunner runner = new JobRunner();
        for (int i = 0; i + 1 < args.length; i += 2) {
            runner.take(args[i], args[i + 1]);
        }
        try {
            runner.run();
        } catch (TableException | org.apache.flink.table.api.ValidationException error) {
            throw explained(error);
        }
    }

    private void take(String name, String value) {
        int equals = value.indexOf('=');
        switch (name) {
            case "--set":
                configuration.setString(value.substring(0, equals), value.substring(equals + 1));
                break;
            case "--statement":
                statements.add(value);
                break;
            case "--query":
                query = value;
                break;
            case "--sink":
                sink.put(value.substring(0, equals), value.substring(equals + 1));
                break;
            case "--key":
                key.add(value);
                break;
            default:
                throw new IllegalArgumentException("unknown argument `" + name + "`: use the command of this version");
        }
    }

    private void run() {
        TableEnvironment env = TableEnvironment.create(
                EnvironmentSettings.newInstance().withConfiguration(configuration).build());
        statements.forEach(env::executeSql);
        Table rows = env.sqlQuery(query);
        TablePipeline pipeline = rows.insertInto(into(rows, false));
        if (!key.isEmpty()) {
            try {
                pipeline.explain();
            } catch (TableException changes) {
                // A query whose rows change needs to say by which key.
                pipeline = rows.insertInto(into(rows, true));
            }
        }
        pipeline.execute();
    }

    /** A table with the columns of the query. */
    private TableDescriptor into(Table rows, boolean keyed) {
        Schema.Builder schema = Schema.newBuilder();
        List<String> names = rows.getResolvedSchema().getColumnNames();
        List<DataType> types = rows.getResolvedSchema().getColumnDataTypes();
        for (int i = 0; i < names.size(); i++) {
            boolean isKey = keyed && key.contains(names.get(i));
            schema.column(names.get(i), isKey ? types.get(i).notNull() : types.get(i));
        }
        if (keyed) {
            schema.primaryKey(key);
        }
        TableDescriptor.Builder table =
                TableDescriptor.forConnector(PinotTableFactoryBase.IDENTIFIER).schema(schema.build());
        sink.forEach(table::option);
        return table.build();
    }

    /** What a cluster lacks has a name, and so has the jar that has it. */
    private static RuntimeException explained(RuntimeException error) {
        for (Throwable at = error; at != null; at = at.getCause()) {
            if (at instanceof PinotageException) {
                return (PinotageException) at;
            }
            Matcher missing = NO_FACTORY.matcher(String.valueOf(at.getMessage()));
            if (missing.find()) {
                return new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "the cluster has nothing called `" + missing.group(1) + "`",
                        "put " + jar(missing.group(1)) + " of the cluster's own version into its `lib`, and restart it",
                        error);
            }
        }
        return error;
    }

    private static String jar(String identifier) {
        switch (identifier) {
            case "filesystem":
                return "`flink-connector-files`";
            case "csv":
            case "json":
                return "`flink-" + identifier + "`";
            case "parquet":
            case "avro":
            case "orc":
                return "`flink-sql-" + identifier + "`";
            case "datagen":
                return "`flink-connector-datagen`";
            default:
                return "the jar with that connector or format, such as `flink-sql-connector-" + identifier + "`,";
        }
    }
}
