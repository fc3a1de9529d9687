package io.pinotage.flink.source;

import io.pinotage.scan.Aggregate;
import io.pinotage.scan.Condition;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.Pushdown;
import io.pinotage.scan.ScanRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.apache.flink.table.connector.source.abilities.SupportsFilterPushDown;
import org.apache.flink.table.expressions.AggregateExpression;
import org.apache.flink.table.expressions.FieldReferenceExpression;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/** What the planner of SQL has given a source to do. */
public final class Pushed {
    private RowType type;
    private final ArrayList<Condition> exact = new ArrayList<>();
    private final ArrayList<Condition> rechecked = new ArrayList<>();
    private long limit = -1;
    private List<String> groupBy;
    private List<Aggregate> aggregates;

    private Pushed(RowType type) {
        this.type = type;
    }

    /** All rows with these columns. */
    public static Pushed nothing(RowType type) {
        return new Pushed(type);
    }

    /** The same, to change. */
    public Pushed copy() {
        Pushed copy = new Pushed(type);
        copy.exact.addAll(exact);
        copy.rechecked.addAll(rechecked);
        copy.limit = limit;
        copy.groupBy = groupBy;
        copy.aggregates = aggregates;
        return copy;
    }

    /** The columns of the rows. */
    public RowType rowType() {
        return type;
    }

    /** What is read. */
    public ScanRequest request() {
        ScanRequest request = new ScanRequest().exact(exact).rechecked(rechecked);
        if (aggregates != null) {
            return request.aggregate(groupBy, aggregates);
        }
        request.columns(type.getFieldNames());
        return limit < 0 ? request : request.limit(limit);
    }

    /** Some of the columns. */
    public void project(int[][] fields, RowType produced) {
        List<RowType.RowField> names = new ArrayList<>();
        for (int i = 0; i < fields.length; i++) {
            // Names of the table; the planner's may be others.
            names.add(new RowType.RowField(
                    type.getFieldNames().get(fields[i][0]), produced.getTypeAt(i)));
        }
        type = new RowType(false, names);
    }

    /** So many rows are enough. */
    public void limit(long rows) {
        limit = rows;
    }

    /** Conditions that Pinot passes exactly are taken; of others that leave out rows, Flink checks them again. */
    public SupportsFilterPushDown.Result filter(List<ResolvedExpression> filters, PinotTable table) {
        List<ResolvedExpression> accepted = new ArrayList<>();
        List<ResolvedExpression> remaining = new ArrayList<>();
        exact.clear();
        rechecked.clear();
        for (ResolvedExpression filter : filters) {
            Optional<Condition> condition = Conditions.of(filter);
            Pushdown pushdown = condition
                    .map(one -> table.pushdown(Collections.singletonList(one)).get(0))
                    .orElse(Pushdown.NO);
            switch (pushdown) {
                case EXACT:
                    exact.add(condition.get());
                    accepted.add(filter);
                    break;
                case RECHECK:
                    rechecked.add(condition.get());
                    // Also taken: the planner would take scans with other conditions for the same one, and read only one.
                    accepted.add(filter);
                    remaining.add(filter);
                    break;
                default:
                    remaining.add(filter);
            }
        }
        return SupportsFilterPushDown.Result.of(accepted, remaining);
    }

    /** The first half of an aggregation, if servers do it exactly. */
    public boolean aggregate(int[] keys, List<AggregateExpression> calls, RowType produced, PinotTable table) {
        if (!rechecked.isEmpty() || limit >= 0) {
            return false;
        }
        List<String> names = new ArrayList<>();
        Arrays.stream(keys).forEach(key -> names.add(type.getFieldNames().get(key)));
        List<Aggregate> wanted = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            Aggregate one = aggregate(calls.get(i), produced.getTypeAt(keys.length + i));
            if (one == null) {
                return false;
            }
            wanted.add(one);
        }
        ScanRequest request = new ScanRequest().exact(exact).aggregate(names, wanted);
        if (!table.plan(request).aggregated()) {
            return false;
        }
        groupBy = names;
        aggregates = wanted;
        type = produced;
        return true;
    }

    private static Aggregate aggregate(AggregateExpression call, LogicalType produced) {
        if (call.isDistinct() || call.isApproximate() || call.getFilterExpression().isPresent()) {
            return null;
        }
        // The planner's own classes, which a connector does not see: SUM of INT is IntSumAggFunction.
        String function = call.getFunctionDefinition().getClass().getSimpleName();
        LogicalTypeRoot root = produced.getTypeRoot();
        boolean isCount = root == LogicalTypeRoot.BIGINT;
        if (function.equals("Count1AggFunction")) {
            return isCount ? Aggregate.rows() : null;
        }
        List<FieldReferenceExpression> arguments = call.getArgs();
        if (arguments.size() != 1) {
            return null;
        }
        String column = arguments.get(0).getName();
        LogicalTypeRoot argument = arguments.get(0).getOutputDataType().getLogicalType().getTypeRoot();
        boolean isWhole = argument == LogicalTypeRoot.INTEGER || argument == LogicalTypeRoot.BIGINT;
        boolean isOrdered = isWhole || argument == LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE;
        if (function.equals("CountAggFunction")) {
            return isCount ? Aggregate.count(column) : null;
        }
        if (function.endsWith("MinAggFunction")) {
            return isOrdered && root == argument ? Aggregate.min(column) : null;
        }
        if (function.endsWith("MaxAggFunction")) {
            return isOrdered && root == argument ? Aggregate.max(column) : null;
        }
        boolean isSum = function.endsWith("SumAggFunction");
        boolean isNumber = root == LogicalTypeRoot.INTEGER || root == LogicalTypeRoot.BIGINT;
        return isSum && isWhole && isNumber ? Aggregate.sum(column) : null;
    }
}
