package io.pinotage.spark.read;

import io.pinotage.scan.ScanSplit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Splits of a task, as Spark does it with small files: together as much as {@code spark.sql.files.maxPartitionBytes} says, where each
 * one counts for {@code spark.sql.files.openCostInBytes} more than it has, and never so much that cores have nothing to do. Those of
 * a task are on the same hosts.
 */
final class Tasks {
    private Tasks() {}

    /**
     * Of a partitioned scan, a task for each partition: Spark reads a partition in one anyway, and does not take it when a partition
     * has more of them once runtime filters have left out rows.
     */
    static Collection<List<ScanSplit>> ofPartitions(List<ScanSplit> splits) {
        return splits.stream().collect(Collectors.groupingBy(ScanSplit::partition)).values();
    }

    /** What a task may have, by the settings of the session. */
    static List<List<ScanSplit>> of(List<ScanSplit> splits, SQLConf session) {
        long open = session.filesOpenCostInBytes();
        int cores = SparkContext.getOrCreate().defaultParallelism();
        return of(splits, session.filesMaxPartitionBytes(), open, cores);
    }

    /** The largest tasks first, so that the last ones to end are small. */
    static List<List<ScanSplit>> of(List<ScanSplit> splits, long maxBytes, long openBytes, int cores) {
        long all = splits.stream().mapToLong(split -> cost(split, openBytes)).sum();
        long share = Math.min(maxBytes, Math.max(openBytes, all / Math.max(1, cores)));
        List<ScanSplit> sorted = new ArrayList<>(splits);
        sorted.sort(Comparator.comparingLong(ScanSplit::expectedBytes).reversed());
        Map<List<String>, List<ScanSplit>> alike = new LinkedHashMap<>();
        sorted.forEach(split -> alike.computeIfAbsent(split.hosts(), hosts -> new ArrayList<>()).add(split));
        List<List<ScanSplit>> tasks = new ArrayList<>();
        for (List<ScanSplit> group : alike.values()) {
            long left = 0;
            for (ScanSplit split : group) {
                long cost = cost(split, openBytes);
                if (cost > left) {
                    tasks.add(new ArrayList<>());
                    left = share;
                }
                left -= Math.min(left, cost);
                tasks.get(tasks.size() - 1).add(split);
            }
        }
        tasks.sort(Comparator.comparingLong(
                        (List<ScanSplit> task) -> task.stream().mapToLong(ScanSplit::expectedBytes).sum())
                .reversed());
        return tasks;
    }

    private static long cost(ScanSplit split, long openBytes) {
        return Math.max(0, split.expectedBytes()) + openBytes;
    }
}
