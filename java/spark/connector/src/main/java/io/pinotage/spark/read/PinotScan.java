package io.pinotage.spark.read;

import io.pinotage.scan.Aggregate;
import io.pinotage.scan.Condition;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.Pushdown;
import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanPlan;
import io.pinotage.scan.ScanSplit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.read.Batch;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Statistics;
import org.apache.spark.sql.connector.read.SupportsReportPartitioning;
import org.apache.spark.sql.connector.read.SupportsReportStatistics;
import org.apache.spark.sql.connector.read.SupportsRuntimeV2Filtering;
import org.apache.spark.sql.connector.read.partitioning.Partitioning;
import org.apache.spark.sql.connector.read.partitioning.UnknownPartitioning;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A table, or a part of it, as it was when the query was planned: all of it comes, or the query fails. What happens to the table
 * afterwards is not seen; when segments of the plan are gone, the query fails with {@code commit-conflict} and is asked again.
 */
final class PinotScan
        implements Batch, SupportsReportStatistics, SupportsReportPartitioning, SupportsRuntimeV2Filtering {
    private static final Logger LOG = LoggerFactory.getLogger(PinotScan.class);

    private final String table;
    private final ScanOptions options;
    private final Pushed pushed;
    private final SQLConf session;
    /** Spark is told of partitions, and then relies on them. */
    private final boolean isPartitioned;

    private ScanPlan plan;
    private final List<Condition> runtime = new ArrayList<>();

    PinotScan(String table, ScanOptions options, Pushed pushed, ScanPlan plan, ReportPartitioning partitions) {
        this.table = table;
        this.options = options;
        this.pushed = pushed;
        this.plan = plan;
        this.session = SQLConf.get();
        this.isPartitioned = partitions.isReported(plan);
        plan.warnings().forEach(LOG::warn);
    }

    @Override
    public StructType readSchema() {
        return pushed.schema;
    }

    /** Who reads what and why, as {@code EXPLAIN} shows it. */
    @Override
    public String description() {
        String aggregates = pushed.aggregates == null ? "" : ", aggregates=" + pushed.aggregates + " by " + pushed.groupBy;
        return "pinot " + plan + aggregates;
    }

    @Override
    public Batch toBatch() {
        return this;
    }

    @Override
    public ColumnarSupportMode columnarSupportMode() {
        return ColumnarSupportMode.SUPPORTED;
    }

    @Override
    public InputPartition[] planInputPartitions() {
        LOG.info("Reading {}", plan);
        boolean isOne = pushed.aggregates != null && pushed.groupBy.isEmpty();
        if (isOne && plan.exactRows().isPresent() && pushed.aggregates.stream().allMatch(Aggregate::isRows)) {
            // How many rows there are, the cluster's records say.
            return new InputPartition[] {PinotPartition.ofRow(plan.exactRows().getAsLong())};
        }
        List<InputPartition> partitions = new ArrayList<>();
        if (isPartitioned) {
            Tasks.ofPartitions(plan.splits()).forEach(task -> partitions.add(PinotPartition.ofKey(task)));
        } else {
            Tasks.of(plan.splits(), session).forEach(task -> partitions.add(PinotPartition.of(task)));
        }
        if (isOne) {
            // The aggregates of no rows: a table without any has them, too.
            partitions.add(PinotPartition.ofRow(0));
        }
        return partitions.toArray(new InputPartition[0]);
    }

    @Override
    public Partitioning outputPartitioning() {
        return isPartitioned ? Partitions.of(plan) : new UnknownPartitioning(plan.splits().size());
    }

    @Override
    public PartitionReaderFactory createReaderFactory() {
        return new PinotReaderFactory(pushed.schema, pushed.counts());
    }

    @Override
    public Statistics estimateStatistics() {
        long rows = plan.exactRows().orElse(plan.expectedRows());
        long bytes = plan.expectedBytes();
        return new Statistics() {
            @Override
            public OptionalLong sizeInBytes() {
                return OptionalLong.of(bytes);
            }

            @Override
            public OptionalLong numRows() {
                return OptionalLong.of(rows);
            }
        };
    }

    @Override
    public NamedReference[] filterAttributes() {
        List<NamedReference> columns = new ArrayList<>();
        for (StructField field : pushed.isWhole() ? pushed.schema.fields() : new StructField[0]) {
            if (isComparable(field.dataType())) {
                columns.add(Partitions.column(field.name()));
            }
        }
        return columns.toArray(new NamedReference[0]);
    }

    private static boolean isComparable(DataType type) {
        return type instanceof IntegerType
                || type instanceof LongType
                || type instanceof TimestampType
                || type instanceof StringType
                || type instanceof BinaryType;
    }

    /** Values that joins found out while the query runs. Spark joins again, so that rows may be too many. */
    @Override
    public void filter(Predicate[] predicates) {
        Conditions conditions = new Conditions(pushed.schema);
        try (PinotTable opened = PinotTable.open(options)) {
            List<Condition> more = new ArrayList<>();
            for (Predicate predicate : predicates) {
                Condition condition = conditions.of(predicate);
                if (condition != null && opened.pushdown(Collections.singletonList(condition)).get(0) != Pushdown.NO) {
                    more.add(condition);
                }
            }
            if (more.isEmpty()) {
                return;
            }
            Pushed narrowed = pushed.copy();
            narrowed.rechecked.addAll(runtime);
            narrowed.rechecked.addAll(more);
            ScanPlan fewer = opened.plan(narrowed.request());
            if (isPartitioned && !Partitions.areAmong(fewer, plan)) {
                // The table has got others meanwhile, or none is left.
                return;
            }
            runtime.addAll(more);
            plan = fewer;
        }
    }

    @Override
    public CustomMetric[] supportedCustomMetrics() {
        return Metrics.all();
    }

    @Override
    public CustomTaskMetric[] reportDriverMetrics() {
        return Metrics.ofPlan(plan);
    }

    /** Two scans that give the same rows are read once. */
    @Override
    public boolean equals(Object other) {
        if (!(other instanceof PinotScan)) {
            return false;
        }
        PinotScan that = (PinotScan) other;
        return options.toJson().equals(that.options.toJson())
                && pushed.toString().equals(that.pushed.toString())
                && runtime.equals(that.runtime);
    }

    @Override
    public int hashCode() {
        return options.toJson().hashCode() * 31 + pushed.toString().hashCode();
    }

    @Override
    public String toString() {
        return table;
    }
}
