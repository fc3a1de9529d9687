package io.pinotage.flink.table;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.flink.source.PinotSource;
import io.pinotage.flink.source.PinotTypes;
import io.pinotage.flink.source.Pushed;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanColumn;
import io.pinotage.scan.ScanOptions;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsAggregatePushDown;
import org.apache.flink.table.connector.source.abilities.SupportsFilterPushDown;
import org.apache.flink.table.connector.source.abilities.SupportsLimitPushDown;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.connector.source.abilities.SupportsStatisticReport;
import org.apache.flink.table.expressions.AggregateExpression;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.plan.stats.TableStats;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/**
 * A table of SQL whose rows are read. Columns, conditions that mean the same in Pinot, limits, and aggregates that servers answer
 * exactly are pushed; {@code EXPLAIN} shows them.
 */
final class PinotTableSource
        implements ScanTableSource,
                SupportsProjectionPushDown,
                SupportsFilterPushDown,
                SupportsLimitPushDown,
                SupportsAggregatePushDown,
                SupportsStatisticReport {
    private final String table;
    private final ScanOptions options;
    private final Pushed pushed;
    /** Where times without a zone are; null where nobody says. */
    private final ZoneId zone;

    private PinotTableSource(String table, ScanOptions options, Pushed pushed, ZoneId zone) {
        this.table = table;
        this.options = options;
        this.pushed = pushed;
        this.zone = zone;
    }

    /** The columns that SQL declares have to be columns of the table, of the same types. */
    static PinotTableSource create(String table, ScanOptions options, RowType declared, ZoneId zone) {
        for (RowType.RowField field : declared.getFields()) {
            LogicalType type = field.getType();
            if (type.getTypeRoot() == LogicalTypeRoot.DECIMAL) {
                DecimalType decimal = (DecimalType) type;
                options.decimal(field.getName(), decimal.getPrecision() + "," + decimal.getScale());
            }
        }
        Map<String, ScanColumn> columns = new TreeMap<>();
        try (PinotTable found = PinotTable.open(options)) {
            found.columns().forEach(column -> columns.put(column.name(), column));
        }
        for (RowType.RowField field : declared.getFields()) {
            ScanColumn column = columns.get(field.getName());
            if (column == null) {
                throw mismatch(field, "the table has no column of this name, but " + String.join(", ", columns.keySet()));
            }
            boolean isLocal = zone != null && hasLocalTime(field.getType());
            check(field, PinotTypes.of(column.field(), isLocal).getLogicalType());
        }
        return new PinotTableSource(table, options, Pushed.nothing(declared), zone);
    }

    /** Whether it is declared as a time without a zone, or a list of such. */
    private static boolean hasLocalTime(LogicalType type) {
        return type.getTypeRoot() == LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE
                || type.getChildren().stream().anyMatch(PinotTableSource::hasLocalTime);
    }

    private static void check(RowType.RowField field, LogicalType found) {
        LogicalType declared = field.getType();
        if (!declared.copy(true).equals(withNullabilityOf(declared, found).copy(true))) {
            throw mismatch(field, "it is declared as " + declared + ", and Pinot has it as " + found);
        }
        if (found.isNullable() && !declared.isNullable()) {
            throw mismatch(field, "it is declared NOT NULL, and the table keeps nulls of it");
        }
    }

    /** Elements may be declared as nullable. */
    private static LogicalType withNullabilityOf(LogicalType declared, LogicalType found) {
        boolean alike = declared.getTypeRoot() == found.getTypeRoot()
                && declared.getChildren().size() == found.getChildren().size();
        if (!alike || declared.getChildren().isEmpty()) {
            return found;
        }
        for (int i = 0; i < declared.getChildren().size(); i++) {
            LogicalType inner = declared.getChildren().get(i);
            if (!inner.copy(true).equals(found.getChildren().get(i).copy(true))) {
                return found;
            }
        }
        return declared;
    }

    private static PinotageException mismatch(RowType.RowField field, String message) {
        return new PinotageException(
                ErrorKind.SCHEMA_MISMATCH,
                "column `" + field.getName() + "`: " + message,
                "declare the columns as Pinot has them, or use the catalog ('type' = 'pinotage'), which does");
    }

    @Override
    public ChangelogMode getChangelogMode() {
        return ChangelogMode.insertOnly();
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
        return SourceProvider.of(new PinotSource(options, pushed.request(), pushed.rowType(), zone));
    }

    @Override
    public boolean supportsNestedProjection() {
        return false;
    }

    @Override
    public void applyProjection(int[][] fields, DataType produced) {
        pushed.project(fields, (RowType) produced.getLogicalType());
    }

    @Override
    public Result applyFilters(List<ResolvedExpression> filters) {
        try (PinotTable found = PinotTable.open(options)) {
            return pushed.filter(filters, found);
        }
    }

    @Override
    public void applyLimit(long limit) {
        pushed.limit(limit);
    }

    @Override
    public boolean applyAggregates(
            List<int[]> groupingSets, List<AggregateExpression> aggregates, DataType produced) {
        if (groupingSets.size() != 1) {
            return false;
        }
        try (PinotTable found = PinotTable.open(options)) {
            return pushed.aggregate(groupingSets.get(0), aggregates, (RowType) produced.getLogicalType(), found);
        }
    }

    /** About how many rows come: the optimizer decides by it which side of a join is the smaller one. */
    @Override
    public TableStats reportStatistics() {
        try (PinotTable found = PinotTable.open(options)) {
            return new TableStats(found.plan(pushed.request()).expectedRows());
        }
    }

    @Override
    public DynamicTableSource copy() {
        return new PinotTableSource(table, options, pushed.copy(), zone);
    }

    @Override
    public String asSummaryString() {
        return "Pinot table " + table;
    }
}
