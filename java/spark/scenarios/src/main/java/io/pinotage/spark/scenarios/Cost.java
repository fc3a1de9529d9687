package io.pinotage.spark.scenarios;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** What a write takes. */
final class Cost {
    private static final double NANOS = 1e9;
    private static final String OPTION = "o:";

    private Cost() {}

    /** Seconds and CPU-seconds of this process, of the query of a script: into a table where options name one, or to nobody. */
    static String run(SparkSession shared, Options options) throws Exception {
        SparkSession spark = shared.newSession();
        String format = options.has(OPTION + "table") ? "pinotage" : "noop";
        DataFrameWriter<Row> writer =
                spark.sql(Files.readString(Paths.get(options.text("script")))).write().format(format).mode("overwrite");
        options.forEach((name, value) -> {
            if (name.startsWith(OPTION)) {
                writer.option(name.substring(OPTION.length()), value);
            }
        });
        OperatingSystemMXBean process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long begun = System.nanoTime();
        long worked = process.getProcessCpuTime();
        writer.save();
        return (System.nanoTime() - begun) / NANOS + " " + (process.getProcessCpuTime() - worked) / NANOS;
    }
}
