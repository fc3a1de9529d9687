package io.pinotage.spark.scenarios;

import io.pinotage.arrow.RecordBatch;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanPlan;
import io.pinotage.scan.ScanReader;
import io.pinotage.scan.ScanRequest;
import io.pinotage.scan.ScanSplit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.sql.SparkSession;

/** Rows that nobody keeps, by the library alone: what a scan takes without Spark, in the same process. */
final class Drain {
    private static final double NANOS = 1e9;

    private Drain() {}

    /** Rows and seconds, planning among them. A thread for each core reads splits. */
    static String run(SparkSession spark, Options options) throws Exception {
        int cores = spark.sparkContext().defaultParallelism();
        ExecutorService threads = Executors.newFixedThreadPool(cores);
        long begun = System.nanoTime();
        ScanOptions table = ScanOptions.of(options.text("table")).controller(options.text("controller"));
        ScanRequest request = new ScanRequest().columns(Arrays.asList(options.text("columns").split(","))).parallelism(cores);
        try (PinotTable open = PinotTable.open(table.set("reader", options.text("reader", "server")))) {
            ScanPlan plan = open.plan(request);
            List<Future<Long>> counts = new ArrayList<>();
            for (ScanSplit split : plan.splits()) {
                counts.add(threads.submit(() -> count(split)));
            }
            long rows = 0;
            for (Future<Long> count : counts) {
                rows += count.get();
            }
            return rows + " " + (System.nanoTime() - begun) / NANOS;
        } finally {
            threads.shutdownNow();
        }
    }

    private static long count(ScanSplit split) {
        long rows = 0;
        try (ScanReader reader = ScanReader.open(split)) {
            for (RecordBatch batch = reader.next(); batch != null; batch = reader.next()) {
                rows += batch.rows();
                batch.close();
            }
        }
        return rows;
    }
}
