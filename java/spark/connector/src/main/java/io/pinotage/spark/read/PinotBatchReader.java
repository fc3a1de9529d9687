package io.pinotage.spark.read;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.scan.ScanReader;
import io.pinotage.scan.ScanSplit;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/** Reads splits, one behind the other. A batch is good until the next one, as those of Spark's own columnar formats. */
final class PinotBatchReader implements PartitionReader<ColumnarBatch> {
    /** How long a call stays in the library before it looks whether the task is wanted. */
    private static final long LOOK_MILLIS = 100;

    private final StructField[] fields;
    private final Iterator<ScanSplit> splits;
    /** Null when all splits were read. */
    private ScanReader reader;

    private RecordBatch batch;
    private long batches;
    private long waited;

    PinotBatchReader(List<ScanSplit> splits, StructType schema) {
        this.fields = schema.fields();
        this.splits = splits.iterator();
        open();
    }

    private void open() {
        reader = splits.hasNext() ? ScanReader.open(splits.next()) : null;
    }

    @Override
    public boolean next() {
        free();
        long begun = System.nanoTime();
        while (batch == null && reader != null) {
            batch = reader.poll(LOOK_MILLIS);
            if (batch == null && isKilled()) {
                throw new PinotageException(ErrorKind.CANCELLED, "the task was killed", "none is needed");
            }
            if (batch == null && reader.isEnded()) {
                reader.close();
                open();
            }
        }
        waited += System.nanoTime() - begun;
        if (batch != null) {
            batches++;
        }
        return batch != null;
    }

    private static boolean isKilled() {
        TaskContext task = TaskContext.get();
        return Thread.currentThread().isInterrupted() || task != null && task.isInterrupted();
    }

    @Override
    public ColumnarBatch get() {
        ColumnVector[] vectors = new ColumnVector[fields.length];
        for (int i = 0; i < fields.length; i++) {
            vectors[i] = NativeVector.of(batch.column(i), fields[i].dataType());
        }
        return new ColumnarBatch(vectors, batch.rows());
    }

    @Override
    public CustomTaskMetric[] currentMetricsValues() {
        return Metrics.ofTask(batches, TimeUnit.NANOSECONDS.toMillis(waited));
    }

    private void free() {
        if (batch != null) {
            batch.close();
            batch = null;
        }
    }

    @Override
    public void close() {
        free();
        if (reader != null) {
            reader.cancel();
            reader.close();
            reader = null;
        }
    }
}
