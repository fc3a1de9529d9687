package io.pinotage.spark.read;

import io.pinotage.scan.Condition;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.Pushdown;
import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanPlan;
import io.pinotage.spark.PinotOptions;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.connector.expressions.aggregate.Aggregation;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.SupportsPushDownAggregates;
import org.apache.spark.sql.connector.read.SupportsPushDownLimit;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.SupportsPushDownTopN;
import org.apache.spark.sql.connector.read.SupportsPushDownV2Filters;
import org.apache.spark.sql.types.StructType;

/**
 * Takes from the planner what Pinot does exactly as Spark would: columns, conditions, limits, first rows of an order, aggregates.
 * What is only nearly the same leaves out rows, and Spark does it again.
 */
public final class PinotScanBuilder
        implements SupportsPushDownV2Filters,
                SupportsPushDownRequiredColumns,
                SupportsPushDownLimit,
                SupportsPushDownTopN,
                SupportsPushDownAggregates {
    /** Frees tables of builders that no scan came of. */
    private static final Cleaner CLEANER = Cleaner.create();

    private final String name;
    private final ScanOptions options;
    private final boolean pushesFilters;
    private final ReportPartitioning partitions;
    private final PinotTable table;
    private final Cleaner.Cleanable open;
    private final StructType columns;
    private final Pushed pushed;
    private final Aggregates aggregates;
    private Predicate[] predicates = {};
    /** Of an aggregation, which has to be planned before it is known who does it. */
    private ScanPlan plan;

    /**
     * Asks the controller for the table.
     *
     * @param declared the columns that somebody names; null for those that Pinot has
     */
    public PinotScanBuilder(PinotOptions options, StructType declared) {
        this.name = options.toString();
        this.options = options.scan();
        this.pushesFilters = options.pushesFilters();
        this.partitions = ReportPartitioning.of(options);
        if (declared != null) {
            PinotTypes.decimals(declared, this.options);
        }
        PinotTable opened = PinotTable.open(this.options);
        this.table = opened;
        this.open = CLEANER.register(this, opened::close);
        StructType found = PinotTypes.of(table.columns());
        if (declared != null) {
            PinotTypes.check(declared, found);
        }
        this.columns = declared == null ? found : declared;
        this.pushed = new Pushed(columns);
        this.aggregates = new Aggregates(columns);
    }

    @Override
    public Predicate[] pushPredicates(Predicate[] all) {
        Conditions conditions = new Conditions(columns);
        List<Predicate> taken = new ArrayList<>();
        List<Predicate> remaining = new ArrayList<>();
        for (Predicate predicate : all) {
            Condition condition = pushesFilters ? conditions.of(predicate) : null;
            Pushdown pushdown =
                    condition == null ? Pushdown.NO : table.pushdown(Collections.singletonList(condition)).get(0);
            if (pushdown != Pushdown.NO) {
                taken.add(predicate);
                (pushdown == Pushdown.EXACT ? pushed.exact : pushed.rechecked).add(condition);
            }
            if (pushdown != Pushdown.EXACT) {
                remaining.add(predicate);
            }
        }
        predicates = taken.toArray(new Predicate[0]);
        return remaining.toArray(new Predicate[0]);
    }

    @Override
    public Predicate[] pushedPredicates() {
        return predicates;
    }

    @Override
    public void pruneColumns(StructType required) {
        if (pushed.aggregates == null) {
            pushed.schema = required;
        }
    }

    @Override
    public boolean pushLimit(int rows) {
        if (pushed.aggregates != null) {
            return false;
        }
        pushed.limit = rows;
        return true;
    }

    @Override
    public boolean pushTopN(SortOrder[] orders, int rows) {
        return pushed.aggregates == null && pushed.first(orders, rows);
    }

    @Override
    public boolean isPartiallyPushed() {
        return true;
    }

    @Override
    public boolean supportCompletePushDown(Aggregation aggregation) {
        aggregates.show(aggregation);
        return Aggregates.isCountOfAll(aggregation) && pushAggregation(aggregation) && plan.exactRows().isPresent();
    }

    @Override
    public boolean pushAggregation(Aggregation aggregation) {
        if (plan != null) {
            return true;
        }
        Pushed wanted = pushed.copy();
        if (!pushed.isWhole() || !pushed.rechecked.isEmpty() || !aggregates.of(aggregation, wanted)) {
            return false;
        }
        ScanPlan planned = table.plan(wanted.request());
        boolean isCounted = Aggregates.isCountOfAll(aggregation) && planned.exactRows().isPresent();
        if (!planned.aggregated() && !isCounted) {
            return false;
        }
        plan = planned;
        pushed.schema = wanted.schema;
        pushed.groupBy = wanted.groupBy;
        pushed.aggregates = wanted.aggregates;
        return true;
    }

    @Override
    public Scan build() {
        pushed.byPartition = pushed.isWhole() ? partitions.wanted() : ReportPartitioning.FALSE;
        ScanPlan planned = plan == null ? table.plan(pushed.request()) : plan;
        open.clean();
        return new PinotScan(name, options, pushed, planned, partitions);
    }
}
