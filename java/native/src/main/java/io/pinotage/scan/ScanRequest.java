package io.pinotage.scan;

import io.pinotage.jni.JsonText;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** What is to be read of a table; by default all of it. */
public final class ScanRequest implements Serializable {
    private static final long serialVersionUID = 1L;

    private ArrayList<String> columns;
    private final ArrayList<Condition> exact = new ArrayList<>();
    private final ArrayList<Condition> rechecked = new ArrayList<>();
    private long limit = -1;
    private ArrayList<String> groupBy;
    private ArrayList<Aggregate> aggregates;
    private final ArrayList<String> order = new ArrayList<>();
    private long first;
    private String byPartition;
    private int parallelism;

    /** Only these columns, in this order. There may be none: the batches then only count rows. */
    public ScanRequest columns(List<String> names) {
        columns = new ArrayList<>(names);
        return this;
    }

    /** Only rows that pass; nobody checks them again. For conditions that {@link PinotTable#pushdown} calls exact. */
    public ScanRequest exact(List<Condition> conditions) {
        exact.addAll(conditions);
        return this;
    }

    /** Rows that do not pass may be left out: they are checked again. */
    public ScanRequest rechecked(List<Condition> conditions) {
        rechecked.addAll(conditions);
        return this;
    }

    /** So many rows are enough, whichever they are. More may come: so many of each split. */
    public ScanRequest limit(long rows) {
        limit = rows;
        return this;
    }

    /** Aggregates of groups in place of the rows: see {@link Aggregate}. Without columns to group by all rows are one group. */
    public ScanRequest aggregate(List<String> groupBy, List<Aggregate> aggregates) {
        this.groupBy = new ArrayList<>(groupBy);
        this.aggregates = new ArrayList<>(aggregates);
        return this;
    }

    /** A key of the order for {@link #first}; the first key comes first. */
    public ScanRequest orderBy(String column, boolean descending, boolean nullsFirst) {
        StringBuilder json = new StringBuilder("{");
        JsonText.text(column, JsonText.key("column", json));
        JsonText.key("descending", json).append(descending);
        JsonText.key("nullsFirst", json).append(nullsFirst);
        order.add(json.append('}').toString());
        return this;
    }

    /** The first rows of the order are enough. More may come, in any order: servers leave out rows where that is exact. */
    public ScanRequest first(long rows) {
        first = rows;
        return this;
    }

    /**
     * Each split is to have rows of one partition, if the table has partitions: {@link ScanPlan#partitioner}.
     *
     * @param oneDefault whether rows without a value may be relied on to be in one partition. They are when the
     *     {@code defaultNullValue} of the column has not changed since the first segment was pushed; otherwise only columns are
     *     looked at that have a value in every row that comes
     */
    public ScanRequest byPartition(boolean oneDefault) {
        byPartition = oneDefault ? "oneDefault" : "exact";
        return this;
    }

    /** So many readers wait for splits: servers get more requests, as long as each is for some MiB. */
    public ScanRequest parallelism(int readers) {
        parallelism = readers;
        return this;
    }

    /** The request as the library takes it. */
    String toJson() {
        StringBuilder json = new StringBuilder("{");
        if (columns != null) {
            JsonText.list(columns, JsonText.key("columns", json), JsonText::text);
        }
        JsonText.list(exact, JsonText.key("exact", json), (condition, to) -> to.append(condition.toJson()));
        JsonText.list(rechecked, JsonText.key("rechecked", json), (condition, to) -> to.append(condition.toJson()));
        if (byPartition != null) {
            JsonText.text(byPartition, JsonText.key("byPartition", json));
        }
        JsonText.key("parallelism", json).append(parallelism);
        if (limit >= 0) {
            JsonText.key("limit", json).append(limit);
        }
        if (aggregates != null) {
            JsonText.key("aggregate", json).append('{');
            JsonText.list(groupBy, JsonText.key("groupBy", json), JsonText::text);
            JsonText.list(aggregates, JsonText.key("aggregates", json), (one, to) -> to.append(one.toJson()));
            json.append('}');
        }
        if (first > 0 && !order.isEmpty()) {
            JsonText.key("first", json).append('{');
            JsonText.list(order, JsonText.key("order", json), (key, to) -> to.append(key));
            JsonText.key("rows", json).append(first).append('}');
        }
        return json.append('}').toString();
    }
}
