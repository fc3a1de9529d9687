package io.pinotage.flink.table;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;

/** A table of SQL that rows are inserted into. The cluster has been asked already, and takes the rows. */
final class PinotTableSink implements DynamicTableSink {
    private final String table;
    private final Sink<RowData> sink;
    private final ChangelogMode mode;
    private final Integer parallelism;

    PinotTableSink(String table, Sink<RowData> sink, ChangelogMode mode, Integer parallelism) {
        this.table = table;
        this.sink = sink;
        this.mode = mode;
        this.parallelism = parallelism;
    }

    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
        return mode;
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
        return SinkV2Provider.of(sink, parallelism);
    }

    @Override
    public DynamicTableSink copy() {
        return new PinotTableSink(table, sink, mode, parallelism);
    }

    @Override
    public String asSummaryString() {
        return "Pinot table " + table;
    }
}
