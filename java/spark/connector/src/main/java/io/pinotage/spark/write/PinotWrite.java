package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.sink.Delivery;
import io.pinotage.sink.PinotPartitioner;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Replacing;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.TaskContext;
import io.pinotage.spark.Nearest;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.sql.connector.distributions.Distribution;
import org.apache.spark.sql.connector.distributions.Distributions;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Expressions;
import org.apache.spark.sql.connector.expressions.SortDirection;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.write.BatchWrite;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.RequiresDistributionAndOrdering;
import org.apache.spark.sql.connector.write.streaming.StreamingWrite;

/** A write whose table was asked for and takes the rows. */
final class PinotWrite implements RequiresDistributionAndOrdering {
    /** Jobs of these names, when none is named: a query must not take a batch's segments for those of another state of its own. */
    private static final String BATCH_JOB = "spark";

    private static final String STREAM_JOB = "spark-stream";

    private final WriteOptions options;
    private final LogicalWriteInfo info;
    /** Those of a batch; a stream has its own. */
    private final WriteSettings settings;

    private final Replacing replacing;
    private final Overwrite overwrite;
    private final ArrowSchema columns;
    private final String sortedColumn;
    /** Where rows belong, if the catalog has a function for it; otherwise null. */
    private final PinotPartitioner partitioner;

    PinotWrite(WriteOptions options, LogicalWriteInfo info, Overwrite overwrite, boolean isOfCatalog) {
        this.options = options;
        this.info = info;
        this.overwrite = overwrite;
        this.columns = SparkColumns.of(info.schema());
        try (PinotSinkTable table = resolve(BATCH_JOB)) {
            check(table);
            checkDelivery(table);
            Replacing found = overwrite.of(table);
            this.replacing = options.is(WriteOptions.REWRITE_STRADDLING, false) ? found.rewritingStraddling() : found;
            this.settings = settings(table);
            try (SinkCommitter committer = table.openCommitter(TaskContext.newRun())) {
                boolean isFirst = options.is(WriteOptions.ONCE, false) && !overwrite.replaces();
                committer.check(isFirst ? Replacing.first() : replacing);
            }
            PinotPartitioner known = isOfCatalog ? table.partitioner() : null;
            this.partitioner = known != null && PartitionFunction.takes(info.schema(), known) ? known : null;
            String sorted = options.is(WriteOptions.SORT, true) ? table.sortedColumn() : null;
            this.sortedColumn = sorted != null && columns.indexOf(sorted) >= 0 ? sorted : null;
        }
    }

    private PinotSinkTable resolve(String job) {
        // What a REFRESH table has goes when all of it is overwritten.
        String foreign = overwrite == Overwrite.TABLE ? "replace" : null;
        return PinotSinkTable.resolve(options.sink(job, foreign).toJson());
    }

    /** Refuses rows that can never become rows of the table. */
    private void check(PinotSinkTable table) {
        if (overwrite != Overwrite.TABLE && table.replaces()) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "a REFRESH table is wholly what its job makes, and this one would only add to it",
                    "overwrite the table, or make it APPEND (`segmentIngestionType`)");
        }
        table.check(columns);
        if (options.is(WriteOptions.EXTRA_COLUMNS, false)) {
            return;
        }
        List<String> names = table.schema().fields().stream().map(ArrowField::name).collect(Collectors.toList());
        for (ArrowField column : columns.fields()) {
            if (!names.contains(column.name())) {
                throw new PinotageException(
                        ErrorKind.SCHEMA_MISMATCH,
                        "the table has no column `" + column.name() + "`, which rows have; the nearest is `"
                                + Nearest.of(column.name(), names) + "`",
                        "name the columns as those of the table, leave out others, or set `" + WriteOptions.EXTRA_COLUMNS
                                + "` where the table computes others from them");
            }
        }
    }

    /** Refuses tables where rows that are written again would be there twice, unless that is accepted. */
    private void checkDelivery(PinotSinkTable table) {
        boolean isAccepted = "atLeastOnce".equals(options.oneOf(WriteOptions.DELIVERY, "exactlyOnce", "atLeastOnce"));
        boolean byKey = table.realtime() && table.upserts();
        if (!isAccepted && !byKey && table.delivery() != Delivery.TRANSACTIONAL) {
            throw new PinotageException(
                    ErrorKind.UNSUPPORTED,
                    "the REALTIME table `" + options.table() + "` has no primary key, and its segments come one by one: rows of a write"
                            + " that fails on the way, or of a batch that Spark makes again, would be there twice",
                    "write to the OFFLINE table, or accept it by `" + WriteOptions.DELIVERY + "` = `atLeastOnce`");
        }
    }

    private WriteSettings settings(PinotSinkTable table) {
        return new WriteSettings(
                table.description(),
                options.table(),
                info.schema(),
                columns,
                Quarantine.of(options.quarantine(), options.table()),
                Sizes.bytes(options.memory()));
    }

    @Override
    public String description() {
        return "pinotage " + options.table() + " (" + overwrite + ")";
    }

    @Override
    public Distribution requiredDistribution() {
        if (partitioner == null) {
            return Distributions.unspecified();
        }
        Expression[] columns = partitioner.columns().stream().map(Expressions::column).toArray(Expression[]::new);
        return Distributions.clustered(
                new Expression[] {Expressions.apply(PartitionFunction.PREFIX + options.table(), columns)});
    }

    @Override
    public SortOrder[] requiredOrdering() {
        return sortedColumn == null
                ? new SortOrder[0]
                : new SortOrder[] {Expressions.sort(Expressions.column(sortedColumn), SortDirection.ASCENDING)};
    }

    @Override
    public CustomMetric[] supportedCustomMetrics() {
        return WriteMetrics.all();
    }

    @Override
    public BatchWrite toBatch() {
        return new PinotBatchWrite(settings, replacing);
    }

    @Override
    public StreamingWrite toStreaming() {
        if (overwrite.replaces()) {
            throw new PinotageException(
                    ErrorKind.UNSUPPORTED,
                    "a stream that writes its whole result again with each batch",
                    "use the output mode `append`, or `foreachBatch` with a batch that overwrites the table");
        }
        try (PinotSinkTable table = resolve(STREAM_JOB)) {
            return new PinotStreamingWrite(settings(table), info.queryId(), table.realtime());
        }
    }
}
