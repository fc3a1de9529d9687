package io.pinotage.flink.sink;

import io.pinotage.PinotageException;
import io.pinotage.sink.PinotPartitioner;
import java.util.List;
import org.apache.flink.api.common.functions.Partitioner;
import org.apache.flink.api.java.functions.KeySelector;

/** Brings the rows of a partition of the table to one writer. */
final class PartitionExchange {
    private PartitionExchange() {}

    /** The partition of a row. */
    static final class Key<T> implements KeySelector<T, Integer> {
        private static final long serialVersionUID = 1L;

        private final PinotPartitioner partitioner;
        private final RowConverter<T> converter;

        Key(SinkSettings settings, RowConverter<T> converter) {
            this.partitioner = settings.partitioner();
            this.converter = converter;
        }

        @Override
        public Integer getKey(T row) {
            List<String> columns = partitioner.columns();
            Object[] values = new Object[columns.size()];
            try {
                for (int i = 0; i < values.length; i++) {
                    values[i] = converter.value(row, columns.get(i));
                }
                return partitioner.partition(values);
            } catch (PinotageException | ClassCastException bad) {
                // The writer says what is wrong with it.
                return 0;
            }
        }
    }

    /** The writer of a partition. */
    static final class Task implements Partitioner<Integer> {
        private static final long serialVersionUID = 1L;

        @Override
        public int partition(Integer partition, int tasks) {
            return PinotPartitioner.task(partition, tasks);
        }
    }
}
