package io.pinotage.flink.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.junit.jupiter.api.Test;

class PartitionExchangeTest {
    /** Each partition has a key of its own, and writers have as many partitions each, but for one. */
    @Test
    void partitionsAreSpreadEvenly() {
        for (int partitions : new int[] {1, 4, 8, 30}) {
            for (int writers : new int[] {1, 2, 3, 5, 8, 100}) {
                int groups = KeyGroupRangeAssignment.computeDefaultMaxParallelism(writers);
                int[] keys = PartitionExchange.keys(partitions, writers, groups);
                assertEquals(partitions, Arrays.stream(keys).distinct().count());
                int[] found = new int[writers];
                for (int key : keys) {
                    found[KeyGroupRangeAssignment.assignKeyToParallelOperator(key, groups, writers)]++;
                }
                int most = Arrays.stream(found).max().orElseThrow();
                assertEquals((partitions + writers - 1) / writers, most, partitions + " for " + writers);
            }
        }
    }
}
