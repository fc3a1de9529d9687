package io.pinotage.spark.read;

import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/** A row of aggregates that nobody is asked for: counts are a number, the others have no value. */
final class OneRow implements PartitionReader<ColumnarBatch> {
    private final ColumnVector[] columns;
    private boolean given;

    OneRow(long rows, boolean[] counts) {
        this.columns = new ColumnVector[counts.length];
        for (int i = 0; i < counts.length; i++) {
            columns[i] = new One(rows, !counts[i]);
        }
    }

    @Override
    public boolean next() {
        boolean isFirst = !given;
        given = true;
        return isFirst;
    }

    @Override
    public ColumnarBatch get() {
        return new ColumnarBatch(columns, 1);
    }

    @Override
    public void close() {
        // Nothing is open.
    }

    private static final class One extends NoVector {
        private final long value;
        private final boolean isNull;

        One(long value, boolean isNull) {
            super(DataTypes.LongType);
            this.value = value;
            this.isNull = isNull;
        }

        @Override
        public boolean hasNull() {
            return isNull;
        }

        @Override
        public int numNulls() {
            return isNull ? 1 : 0;
        }

        @Override
        public boolean isNullAt(int row) {
            return isNull;
        }

        @Override
        public long getLong(int row) {
            return value;
        }
    }
}
