package io.pinotage.flink.sink;

import io.pinotage.PinotageException;
import io.pinotage.sink.PinotPartitioner;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Brings the rows of a partition of the table to one writer. It is a {@code keyBy}, because Flink refuses unaligned checkpoints
 * behind partitioners of one's own; keys are chosen so that writers have as many partitions each.
 *
 * @param <T> the rows
 */
final class PartitionExchange<T> implements KeySelector<T, Integer> {
    private static final long serialVersionUID = 1L;

    private final PinotPartitioner partitioner;
    private final RowConverter<T> converter;
    /** The key of each partition. */
    private final int[] keys;

    private PartitionExchange(PinotPartitioner partitioner, RowConverter<T> converter, int[] keys) {
        this.partitioner = partitioner;
        this.converter = converter;
        this.keys = keys;
    }

    static <T> DataStream<T> of(DataStream<T> rows, PinotPartitioner partitioner, RowConverter<T> converter) {
        // There are as many writers as tasks before them, unless somebody says otherwise; they have uneven parts then.
        int writers = Math.max(1, rows.getParallelism());
        int most = rows.getExecutionEnvironment().getMaxParallelism();
        int groups = most > 0 ? most : KeyGroupRangeAssignment.computeDefaultMaxParallelism(writers);
        int[] keys = keys(partitioner.partitions(), writers, groups);
        return rows.keyBy(new PartitionExchange<>(partitioner, converter, keys), Types.INT);
    }

    /** Keys that Flink sends to the writers in turn, as long as there are so many. */
    static int[] keys(int partitions, int writers, int groups) {
        int[] keys = new int[partitions];
        int candidate = 0;
        for (int partition = 0; partition < partitions; partition++) {
            int writer = PinotPartitioner.task(partition, writers);
            while (KeyGroupRangeAssignment.assignKeyToParallelOperator(candidate, groups, writers) != writer) {
                candidate++;
            }
            keys[partition] = candidate++;
        }
        return keys;
    }

    @Override
    public Integer getKey(T row) {
        List<String> columns = partitioner.columns();
        Object[] values = new Object[columns.size()];
        try {
            for (int i = 0; i < values.length; i++) {
                values[i] = converter.value(row, columns.get(i));
            }
            return keys[partitioner.partition(values)];
        } catch (PinotageException | ClassCastException bad) {
            // The writer says what is wrong with it.
            return keys[0];
        }
    }
}
