package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.flink.DeliveryGuarantee;
import io.pinotage.sink.Delivery;
import io.pinotage.sink.PinotPartitioner;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.SinkOptions;
import java.time.Duration;
import java.util.Objects;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.util.TimeUtils;

/**
 * The options of a sink. {@link #build} asks the controller for the table and checks that it takes the rows: what cannot work is
 * refused where the job is submitted.
 *
 * @param <T> the rows
 * @param <B> the builder itself
 */
public abstract class SinkBuilder<T, B extends SinkBuilder<T, B>> {
    private static final String JOB = "flink";
    private static final String ERRORS = "limits.errors";

    /** An option of Pinot's own sink. */
    public static final String UPLOAD_TIME = "segmentUploadTimeMs";

    private static final int BATCH_ROWS = 8_192;
    private static final Duration PUBLISH_INTERVAL = Duration.ofSeconds(60);
    private static final Duration NEVER = Duration.ofMillis(Long.MAX_VALUE);
    private static final Duration STAGING_RETENTION = Duration.ofMinutes(15);

    private final SinkOptions options = new SinkOptions().set("name", JOB).set("sink.kind", "pinot").set(ERRORS, 0);
    private String table;
    private RowConverter<T> converter;
    private DeliveryGuarantee guarantee = DeliveryGuarantee.EXACTLY_ONCE;
    private Duration publishInterval = PUBLISH_INTERVAL;
    private Duration stagingRetention = STAGING_RETENTION;
    private String quarantine;
    /** Whether the options let rows be refused. */
    private boolean refuses;
    private boolean exchange = true;
    private boolean extraColumns;
    private int batchRows = BATCH_ROWS;

    protected SinkBuilder() {}

    protected abstract B self();

    /**
     * Asks the controller for the table and checks everything.
     *
     * @throws PinotageException for options, tables and rows that do not fit, and when the controller does not answer
     */
    public abstract Sink<T> build();

    /** The controller, as {@code host:port} or URL. */
    public B controller(String controller) {
        return option("sink.controller", controller);
    }

    /** The table, without its type. */
    public B table(String table) {
        this.table = table;
        return option("sink.table", table);
    }

    /** The job, a part of segment names: jobs that write to one table have different ones. {@code flink} if not given. */
    public B job(String job) {
        return option("name", job);
    }

    /** A folder that all task managers see under this path, for rows that are not in the table yet. */
    public B staging(String staging) {
        return option("staging", staging);
    }

    /** How rows become columns. */
    public B converter(RowConverter<T> converter) {
        this.converter = converter;
        return self();
    }

    /** What is promised; {@link DeliveryGuarantee#EXACTLY_ONCE} if not given. */
    public B deliveryGuarantee(DeliveryGuarantee guarantee) {
        this.guarantee = Objects.requireNonNull(guarantee, "guarantee");
        return self();
    }

    /** A segment is full when it has so many rows. */
    public B segmentRows(long rows) {
        options.set("sink.segment.maxRows", rows);
        return self();
    }

    /** A segment is full when it takes so much memory, such as {@code 256MiB}. */
    public B segmentBytes(String size) {
        return option("sink.segment.maxBytes", size);
    }

    /** A segment is full when its first row is so old. */
    public B segmentAge(Duration age) {
        return option("sink.segment.maxAge", age.toMillis() + "ms");
    }

    /**
     * Rows whose times are in one window of this length go to one segment, which is sealed when the watermark is behind the window's end.
     * The time is that of the table's time column, or of {@code sink.segment.eventTimeColumn}.
     */
    public B segmentEventTimeWindow(Duration window) {
        return option("sink.segment.eventTimeWindow", window.toMillis() + "ms");
    }

    /** Full segments appear together, so often at most; 60 s if not given. */
    public B publishInterval(Duration interval) {
        this.publishInterval = Objects.requireNonNull(interval, "interval");
        return self();
    }

    /** How long staging keeps what only older checkpoints need; 15 min if not given. */
    public B stagingRetention(Duration retention) {
        this.stagingRetention = Objects.requireNonNull(retention, "retention");
        return self();
    }

    /** Memory of a writer for segments that are open or being built, such as {@code 512MiB}. */
    public B memory(String size) {
        return option("limits.memory", size);
    }

    /** {@code OFFLINE}, or {@code REALTIME} for rows beside the table's stream; {@code OFFLINE} if not given. */
    public B tableType(String type) {
        return option("sink.tableType", type);
    }

    /**
     * Rows that the table does not take go to this folder as lines of JSON, with the reason, and are counted in
     * {@code numRecordsOutErrors}.
     *
     * @param folder a URI that Flink can write to
     * @param errors so many rows of a writer; one more fails the job, as the first does without a quarantine
     */
    public B quarantine(String folder, long errors) {
        this.quarantine = Objects.requireNonNull(folder, "folder");
        return option(ERRORS, errors);
    }

    /** The zone of times that have none, such as {@code Europe/Riga}. */
    public B timeZone(String zone) {
        return option("timeZone", zone);
    }

    /**
     * Whether the rows of a partition of the table go to one writer, whatever their number: yes, if not given. Otherwise each writer has a
     * segment of each partition. It costs a way over the network, and is nothing for tables without partitions.
     */
    public B partitionExchange(boolean exchange) {
        this.exchange = exchange;
        return self();
    }

    /**
     * Whether rows may have columns that the table lacks, because it computes others from them ({@code ingestionConfig}); no, if not
     * given: then they are an error, and never dropped in silence.
     */
    public B extraColumns(boolean allowed) {
        this.extraColumns = allowed;
        return self();
    }

    /** Rows of a batch at most: how many wait in the task before they are looked at. */
    public B batchRows(int rows) {
        if (rows < 1) {
            throw new IllegalArgumentException("batches of " + rows + " rows");
        }
        this.batchRows = rows;
        return self();
    }

    /** Any option of the sink of a job file by its full name, such as {@code sink.push.form}. */
    public B option(String name, String value) {
        switch (name) {
            case "sink.publish.interval":
                return publishInterval(TimeUtils.parseDuration(value));
            case "sink.publish.waiting":
                throw noWaiting();
            case UPLOAD_TIME:
                throw noUploadTime();
            case ERRORS:
                refuses = !value.equals("0");
                break;
            default:
        }
        options.set(name, value);
        return self();
    }

    /** Any option that is a number. */
    public B option(String name, long value) {
        if (name.equals("sink.publish.waiting")) {
            throw noWaiting();
        }
        if (name.equals(UPLOAD_TIME)) {
            throw noUploadTime();
        }
        refuses = name.equals(ERRORS) ? value != 0 : refuses;
        options.set(name, value);
        return self();
    }

    /** The exception of an option of Pinot's own sink that has nothing to say here. */
    public static PinotageException noUploadTime() {
        return new PinotageException(
                ErrorKind.UNSUPPORTED,
                "`" + UPLOAD_TIME + "` would give all segments one creation time, and here those of a job ascend",
                "leave it out; `sink.upsert.ties` says whether a row of the job or of the stream wins where they compare as equal");
    }

    private static PinotageException noWaiting() {
        return new PinotageException(
                ErrorKind.UNSUPPORTED,
                "`sink.publish.waiting` holds up the reading of a job of our own engine, and Flink's checkpoints hold up nothing",
                "leave it out; `sink.publish.interval` says when segments appear");
    }

    /** Any option that is a list, as JSON. */
    public B listOption(String name, String json) {
        options.setJson(name, json);
        return self();
    }

    /** Any option that is yes or no. */
    public B option(String name, boolean value) {
        options.set(name, value);
        return self();
    }

    /** How rows become columns, as it was given. */
    protected final RowConverter<T> converter() {
        return converter;
    }

    private PinotPartitioner partitioner(PinotSinkTable resolved, ArrowSchema columns) {
        PinotPartitioner partitioner = exchange ? resolved.partitioner() : null;
        if (partitioner == null) {
            return null;
        }
        for (String column : partitioner.columns()) {
            if (columns.indexOf(column) < 0) {
                throw new PinotageException(
                        ErrorKind.SCHEMA_MISMATCH,
                        "the table is partitioned by `" + column + "`, and rows have no such column",
                        "give rows the column, or switch the exchange off: `partitionExchange(false)`");
            }
        }
        return partitioner;
    }

    /** Asks the controller, and checks the whole. */
    protected final SinkSettings resolve() {
        if (converter == null) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "the sink does not know what its rows are",
                    "give it a `converter`, such as one of `RowConverters`");
        }
        if (refuses && quarantine == null) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "`limits.errors` lets rows be refused, and nobody takes them",
                    "say where they go: `quarantine` (`sink.quarantine` in SQL), or leave `limits.errors` out");
        }
        try (PinotSinkTable resolved = PinotSinkTable.resolve(options.toJson())) {
            ArrowSchema columns = converter.columns(resolved);
            resolved.check(columns);
            if (!extraColumns) {
                columns.fields().forEach(column -> Columns.of(resolved, column.name()));
            }
            if (guarantee == DeliveryGuarantee.EXACTLY_ONCE && resolved.delivery() == Delivery.AT_LEAST_ONCE) {
                throw new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "table `" + table + "` has no way to hold a row exactly once",
                        "ask for `DeliveryGuarantee.AT_LEAST_ONCE`");
            }
            return new SinkSettings(
                    resolved.description(),
                    table,
                    columns,
                    partitioner(resolved, columns),
                    guarantee,
                    // What replaces a table comes in one step, at the end.
                    resolved.replaces() ? NEVER : publishInterval,
                    stagingRetention,
                    quarantine,
                    batchRows);
        }
    }
}
