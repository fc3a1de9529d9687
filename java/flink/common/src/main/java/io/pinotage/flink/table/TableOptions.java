package io.pinotage.flink.table;

import io.pinotage.flink.DeliveryGuarantee;
import io.pinotage.flink.sink.SinkBuilder;
import io.pinotage.sink.SinkOptions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;

/**
 * Options of tables of SQL. Those of the job file's sink are taken too, by their names in Flink's way: {@code sink.segment.maxRows}
 * is {@code sink.segment.max-rows}.
 */
public final class TableOptions {
    /** Where the controller is. */
    public static final ConfigOption<String> CONTROLLER = ConfigOptions.key("controller")
            .stringType()
            .noDefaultValue()
            .withFallbackKeys("controllerBaseUrl")
            .withDescription("The controller: host:port or URL.");

    /** The table. */
    public static final ConfigOption<String> TABLE = ConfigOptions.key("table")
            .stringType()
            .noDefaultValue()
            .withDescription("The table without its type. Default: the name of the table in Flink.");

    /** The job. */
    public static final ConfigOption<String> JOB = ConfigOptions.key("job")
            .stringType()
            .noDefaultValue()
            .withFallbackKeys("segmentNamePrefix")
            .withDescription("A part of segment names, different for each job that writes to the table. Default: flink.");

    /** Staging. */
    public static final ConfigOption<String> STAGING = ConfigOptions.key("staging")
            .stringType()
            .noDefaultValue()
            .withDescription("A folder that all task managers see under this path, for rows that are not in the table yet.");

    /** The half of the table. */
    public static final ConfigOption<String> TABLE_TYPE = ConfigOptions.key("table-type")
            .stringType()
            .noDefaultValue()
            .withDescription("OFFLINE, or REALTIME for rows beside the table's stream. Default: OFFLINE.");

    /** What is promised. */
    public static final ConfigOption<DeliveryGuarantee> GUARANTEE = ConfigOptions.key("sink.delivery-guarantee")
            .enumType(DeliveryGuarantee.class)
            .defaultValue(DeliveryGuarantee.EXACTLY_ONCE)
            .withDescription("What is promised about rows when something fails.");

    /** Writers. */
    public static final ConfigOption<Integer> PARALLELISM = ConfigOptions.key("sink.parallelism")
            .intType()
            .noDefaultValue()
            .withDescription("Writers. Default: as many as the query has tasks.");

    /** How often full segments appear. */
    public static final ConfigOption<Duration> PUBLISH_INTERVAL = ConfigOptions.key("sink.publish.interval")
            .durationType()
            .noDefaultValue()
            .withDescription("Full segments appear together, so often at most. Default: 1 min.");

    /** How long staging keeps what only older checkpoints need. */
    public static final ConfigOption<Duration> RETENTION = ConfigOptions.key("staging.retention")
            .durationType()
            .noDefaultValue()
            .withDescription("How long staging keeps what only older checkpoints need. Default: 15 min.");

    /** When a segment is full. */
    public static final ConfigOption<Long> SEGMENT_ROWS = ConfigOptions.key("sink.segment.max-rows")
            .longType()
            .noDefaultValue()
            .withFallbackKeys("segmentFlushMaxNumRecords")
            .withDescription("A segment is full when it has so many rows.");

    /** Where rows go that the table does not take. */
    public static final ConfigOption<String> QUARANTINE = ConfigOptions.key("sink.quarantine")
            .stringType()
            .noDefaultValue()
            .withDescription("The folder for rows that the table does not take. Default: the first one fails the job.");

    /** How many rows may go there. */
    public static final ConfigOption<Long> QUARANTINE_ROWS = ConfigOptions.key("sink.quarantine.max-rows")
            .longType()
            .defaultValue(100L)
            .withDescription("So many rows of a writer may go to the quarantine; one more fails the job.");

    /** Columns that the table lacks. */
    public static final ConfigOption<Boolean> EXTRA_COLUMNS = ConfigOptions.key("sink.extra-columns")
            .booleanType()
            .defaultValue(false)
            .withDescription("Whether rows may have columns that the table lacks and computes others from.");

    /** The zone of times without one. */
    public static final ConfigOption<String> TIME_ZONE = ConfigOptions.key("time-zone")
            .stringType()
            .noDefaultValue()
            .withDescription("The zone of TIMESTAMP columns, which have none. Default: UTC.");

    /** Whether the schema's changes are allowed. */
    public static final ConfigOption<Boolean> STRICT = ConfigOptions.key("strict")
            .booleanType()
            .defaultValue(false)
            .withDescription("Whether changes that the schema demands (cut strings, NaN to null) make a row bad instead of being counted.");

    /** All of them but those of the job file. */
    static final List<ConfigOption<?>> ALL = Arrays.asList(
            CONTROLLER, TABLE, TABLE_TYPE, JOB, STAGING, GUARANTEE, PARALLELISM, PUBLISH_INTERVAL, RETENTION, SEGMENT_ROWS,
            QUARANTINE, QUARANTINE_ROWS, EXTRA_COLUMNS, TIME_ZONE, STRICT);

    /** What options of the job file begin with. The library knows all of them, and refuses others by name. */
    static final String[] PREFIXES = {
        "sink.segment.", "sink.publish.", "sink.push.", "sink.upsert.", "sink.connection.", "sink.pinot-version", "sink.archive-level", "limits.",
        "store."
    };

    /** What options of reading begin with. */
    static final String[] READ_PREFIXES = {ReadOptions.SCAN, ReadOptions.DECIMAL};

    private TableOptions() {}

    /** Gives a sink what the options of a table say. */
    static void apply(ReadableConfig options, Map<String, String> raw, String name, SinkBuilder<?, ?> sink) {
        sink.table(options.getOptional(TABLE).orElse(name));
        options.getOptional(CONTROLLER).ifPresent(sink::controller);
        options.getOptional(TABLE_TYPE).ifPresent(sink::tableType);
        options.getOptional(JOB).ifPresent(sink::job);
        options.getOptional(STAGING).ifPresent(sink::staging);
        options.getOptional(PUBLISH_INTERVAL).ifPresent(sink::publishInterval);
        options.getOptional(RETENTION).ifPresent(sink::stagingRetention);
        options.getOptional(SEGMENT_ROWS).ifPresent(sink::segmentRows);
        options.getOptional(TIME_ZONE).ifPresent(sink::timeZone);
        boolean isLimited = raw.containsKey(QUARANTINE_ROWS.key());
        if (isLimited && (raw.containsKey("limits.errors") || !raw.containsKey(QUARANTINE.key()))) {
            throw new ValidationException("`" + QUARANTINE_ROWS.key() + "` says how many rows go to `" + QUARANTINE.key()
                    + "`, which has to be given, as `limits.errors` does: give one of the two");
        }
        options.getOptional(QUARANTINE).ifPresent(folder -> sink.quarantine(folder, options.get(QUARANTINE_ROWS)));
        sink.extraColumns(options.get(EXTRA_COLUMNS));
        sink.option("strict", options.get(STRICT));
        sink.deliveryGuarantee(options.get(GUARANTEE));
        for (Map.Entry<String, String> option : raw.entrySet()) {
            String key = option.getKey();
            boolean isApplied = key.equals(SEGMENT_ROWS.key()) || key.equals(PUBLISH_INTERVAL.key());
            boolean isOfJobFile = !isApplied && Arrays.stream(PREFIXES).anyMatch(key::startsWith);
            if (isOfJobFile) {
                set(camelCase(key), option.getValue(), sink);
            }
        }
    }

    private static void set(String name, String value, SinkBuilder<?, ?> sink) {
        if (SinkOptions.isNumber(name, value)) {
            sink.option(name, Long.parseLong(value));
        } else if (SinkOptions.isYesOrNo(name, value)) {
            sink.option(name, Boolean.parseBoolean(value));
        } else if (SinkOptions.isList(value)) {
            sink.listOption(name, value);
        } else {
            sink.option(name, value);
        }
    }

    /** What the names of options that the library checks begin with. */
    static String[] prefixes() {
        return Stream.of(PREFIXES, READ_PREFIXES).flatMap(Arrays::stream).toArray(String[]::new);
    }

    /** {@code max-rows} becomes {@code maxRows}. */
    static String camelCase(String kebab) {
        StringBuilder name = new StringBuilder();
        for (int i = 0; i < kebab.length(); i++) {
            char c = kebab.charAt(i);
            if (c == '-' && i + 1 < kebab.length()) {
                name.append(Character.toUpperCase(kebab.charAt(++i)));
            } else {
                name.append(c);
            }
        }
        return name.toString();
    }
}
