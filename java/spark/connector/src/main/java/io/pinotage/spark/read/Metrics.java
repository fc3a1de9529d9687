package io.pinotage.spark.read;

import static io.pinotage.spark.SumMetric.value;

import io.pinotage.scan.ScanPlan;
import io.pinotage.spark.SumMetric;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;

/** What the page of a query says about a scan, beside the rows. */
public final class Metrics {
    private Metrics() {}

    static CustomMetric[] all() {
        return new CustomMetric[] {new Batches(), new Waited(), new Splits(), new Requests(), new ExpectedBytes()};
    }

    static CustomTaskMetric[] ofTask(long batches, long millis) {
        return new CustomTaskMetric[] {value(Batches.NAME, batches), value(Waited.NAME, millis)};
    }

    static CustomTaskMetric[] ofPlan(ScanPlan plan) {
        return new CustomTaskMetric[] {
            value(Splits.NAME, plan.splits().size()),
            value(Requests.NAME, plan.requests()),
            value(ExpectedBytes.NAME, plan.expectedBytes())
        };
    }

    /** Batches that came. */
    public static final class Batches extends SumMetric {
        static final String NAME = "pinotBatches";

        /** Spark makes it. */
        public Batches() {
            super(NAME, "batches from Pinot");
        }
    }

    /** How long tasks had nothing to do. */
    public static final class Waited extends SumMetric {
        static final String NAME = "pinotWaited";

        /** Spark makes it. */
        public Waited() {
            super(NAME, "time in which tasks waited for Pinot (ms)");
        }
    }

    /** Splits of the plan. */
    public static final class Splits extends SumMetric {
        static final String NAME = "pinotSplits";

        /** Spark makes it. */
        public Splits() {
            super(NAME, "splits");
        }
    }

    /** Requests of the plan. */
    public static final class Requests extends SumMetric {
        static final String NAME = "pinotRequests";

        /** Spark makes it. */
        public Requests() {
            super(NAME, "requests to servers");
        }
    }

    /** Bytes that the plan expects. */
    public static final class ExpectedBytes extends SumMetric {
        static final String NAME = "pinotExpectedBytes";

        /** Spark makes it. */
        public ExpectedBytes() {
            super(NAME, "bytes that were expected");
        }
    }
}
