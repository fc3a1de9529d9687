package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.flink.DeliveryGuarantee;
import io.pinotage.sink.PinotPartitioner;
import java.io.Serializable;
import java.time.Duration;

/** What tasks have to know of a sink, as it was resolved where the job was submitted. */
public final class SinkSettings implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String description;
    private final String table;
    private final ArrowSchema columns;
    private final PinotPartitioner partitioner;
    private final DeliveryGuarantee guarantee;
    private final long publishMillis;
    private final long retentionMillis;
    private final String quarantine;
    private final int batchRows;

    SinkSettings(
            String description,
            String table,
            ArrowSchema columns,
            PinotPartitioner partitioner,
            DeliveryGuarantee guarantee,
            Duration publishInterval,
            Duration stagingRetention,
            String quarantine,
            int batchRows) {
        this.description = description;
        this.table = table;
        this.columns = columns;
        this.partitioner = partitioner;
        this.guarantee = guarantee;
        this.publishMillis = publishInterval.toMillis();
        this.retentionMillis = stagingRetention.toMillis();
        this.quarantine = quarantine;
        this.batchRows = batchRows;
    }

    /** The table and how to write to it, for {@link io.pinotage.sink.PinotSinkTable#of}. */
    public String description() {
        return description;
    }

    /** The table's name, for people. */
    public String table() {
        return table;
    }

    /** The columns that rows have. */
    public ArrowSchema columns() {
        return columns;
    }

    /** Where rows belong; null where any writer takes any row. */
    public PinotPartitioner partitioner() {
        return partitioner;
    }

    /** What is promised. */
    public DeliveryGuarantee guarantee() {
        return guarantee;
    }

    /** Full segments appear no more often than that. */
    public long publishMillis() {
        return publishMillis;
    }

    /** How long staging keeps what only older checkpoints need. */
    public long retentionMillis() {
        return retentionMillis;
    }

    /** The folder for rows that the table does not take; null without. */
    public String quarantine() {
        return quarantine;
    }

    /** Rows of a batch at most. */
    public int batchRows() {
        return batchRows;
    }
}
