package io.pinotage.spark.read;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.scan.ScanPlan;
import io.pinotage.spark.PinotOptions;
import java.util.Locale;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.internal.SQLConf;

/**
 * Whether Spark is told that splits are of one partition each. Its joins then need no shuffle, but it reads a partition in one task, even
 * if nothing is joined.
 */
enum ReportPartitioning {
    /** Where that is certain, and leaves no core without a task. */
    AUTO,
    /** Also where it relies on one {@code defaultNullValue} of the column for all segments. */
    TRUE,
    FALSE;

    static ReportPartitioning of(PinotOptions options) {
        String value = options.get(PinotOptions.REPORT_PARTITIONING);
        try {
            return value == null ? AUTO : valueOf(value.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException unknown) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "`" + PinotOptions.REPORT_PARTITIONING + "`: expected auto, true or false, found `" + value + "`",
                    "leave it out: then partitions are reported where no core has less to do by it");
        }
    }

    /** The same, if Spark makes use of it. */
    ReportPartitioning wanted() {
        return SQLConf.get().v2BucketingEnabled() ? this : FALSE;
    }

    boolean isReported(ScanPlan plan) {
        if (wanted() == FALSE || plan.partitioner() == null) {
            return false;
        }
        int partitions = Partitions.count(plan);
        return this == TRUE || partitions == plan.splits().size() || partitions >= SparkContext.getOrCreate().defaultParallelism();
    }
}
