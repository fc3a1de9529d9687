package io.pinotage.spark.read;

import io.pinotage.scan.Aggregate;
import io.pinotage.scan.Condition;
import io.pinotage.scan.ScanRequest;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.NullOrdering;
import org.apache.spark.sql.connector.expressions.SortDirection;
import org.apache.spark.sql.connector.expressions.SortOrder;
import org.apache.spark.sql.types.StructType;

/** What a scan is given to do. */
final class Pushed implements Serializable {
    private static final long serialVersionUID = 1L;

    /** The columns that come; of an aggregation: those of the groups, then the aggregates. */
    StructType schema;

    final ArrayList<Condition> exact = new ArrayList<>();
    final ArrayList<Condition> rechecked = new ArrayList<>();
    long limit = -1;
    /** Splits have rows of one partition each, if the table has partitions. */
    ReportPartitioning byPartition = ReportPartitioning.FALSE;

    /** Keys of the order, whose first rows are enough. */
    private final ArrayList<Key> order = new ArrayList<>();

    private int first;
    ArrayList<String> groupBy;
    ArrayList<Aggregate> aggregates;

    private static final class Key implements Serializable {
        private static final long serialVersionUID = 1L;

        final String column;
        final boolean descending;
        final boolean nullsFirst;

        Key(String column, boolean descending, boolean nullsFirst) {
            this.column = column;
            this.descending = descending;
            this.nullsFirst = nullsFirst;
        }

        @Override
        public String toString() {
            return column + (descending ? " DESC" : " ASC") + (nullsFirst ? " NULLS FIRST" : " NULLS LAST");
        }
    }

    Pushed(StructType schema) {
        this.schema = schema;
    }

    /** The same, to change. */
    Pushed copy() {
        Pushed copy = new Pushed(schema);
        copy.exact.addAll(exact);
        copy.rechecked.addAll(rechecked);
        copy.limit = limit;
        copy.byPartition = byPartition;
        copy.order.addAll(order);
        copy.first = first;
        copy.groupBy = groupBy;
        copy.aggregates = aggregates;
        return copy;
    }

    /** Whether all rows that pass come. */
    boolean isWhole() {
        return limit < 0 && first == 0 && aggregates == null;
    }

    /** The first rows of an order are enough; false when its keys are no columns. */
    boolean first(SortOrder[] orders, int rows) {
        List<Key> keys = new ArrayList<>();
        for (SortOrder one : orders) {
            if (!(one.expression() instanceof NamedReference)) {
                return false;
            }
            String[] names = ((NamedReference) one.expression()).fieldNames();
            if (names.length != 1) {
                return false;
            }
            boolean descending = one.direction() == SortDirection.DESCENDING;
            keys.add(new Key(names[0], descending, one.nullOrdering() == NullOrdering.NULLS_FIRST));
        }
        order.addAll(keys);
        first = rows;
        return true;
    }

    /** Which of the columns of an aggregation count something: 0 where there is nothing, in place of no value. */
    boolean[] counts() {
        boolean[] counts = new boolean[aggregates == null ? 0 : aggregates.size()];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = aggregates.get(i).isCount();
        }
        return counts;
    }

    /** The request. */
    ScanRequest request() {
        ScanRequest request = new ScanRequest().exact(exact).rechecked(rechecked);
        if (aggregates != null) {
            return request.aggregate(groupBy, aggregates);
        }
        // Rows are read by one thread of each split; aggregates are few.
        request.parallelism(SparkContext.getOrCreate().defaultParallelism());
        if (byPartition != ReportPartitioning.FALSE) {
            request.byPartition(byPartition == ReportPartitioning.TRUE);
        }
        request.columns(Arrays.asList(schema.fieldNames()));
        order.forEach(key -> request.orderBy(key.column, key.descending, key.nullsFirst));
        request.first(first);
        return limit < 0 ? request : request.limit(limit);
    }

    /** Two that give the same rows have the same text. */
    @Override
    public String toString() {
        return schema.json() + exact + rechecked + limit + order + first + groupBy + aggregates;
    }
}
