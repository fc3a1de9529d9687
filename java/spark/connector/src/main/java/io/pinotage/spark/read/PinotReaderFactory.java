package io.pinotage.spark.read;

import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/** Makes the readers of tasks. */
final class PinotReaderFactory implements PartitionReaderFactory {
    private static final long serialVersionUID = 1L;

    private final StructType schema;
    private final boolean[] counts;

    /** {@code counts}: of an aggregation of all rows, which of the columns count something. */
    PinotReaderFactory(StructType schema, boolean[] counts) {
        this.schema = schema;
        this.counts = counts;
    }

    @Override
    public PartitionReader<InternalRow> createReader(InputPartition partition) {
        throw new UnsupportedOperationException("rows come in columns");
    }

    @Override
    public PartitionReader<ColumnarBatch> createColumnarReader(InputPartition partition) {
        PinotPartition given = (PinotPartition) partition;
        return given.splits().isEmpty() ? new OneRow(given.rows(), counts) : new PinotBatchReader(given.splits(), schema);
    }

    @Override
    public boolean supportColumnarReads(InputPartition partition) {
        return true;
    }
}
