package io.pinotage.spark.write;

import static io.pinotage.spark.SumMetric.value;

import io.pinotage.spark.SumMetric;
import org.apache.spark.sql.connector.metric.CustomMetric;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;

/** What the page of a query says about a write. */
public final class WriteMetrics {
    private WriteMetrics() {}

    static CustomMetric[] all() {
        return new CustomMetric[] {new Rows(), new Bytes(), new Segments(), new Refused()};
    }

    static CustomTaskMetric[] ofTask(long rows, long bytes, long segments, long refused) {
        return new CustomTaskMetric[] {
            value(Rows.NAME, rows), value(Bytes.NAME, bytes), value(Segments.NAME, segments), value(Refused.NAME, refused)
        };
    }

    /** Rows that the table takes. */
    public static final class Rows extends SumMetric {
        static final String NAME = "pinotRowsWritten";

        /** Spark makes it. */
        public Rows() {
            super(NAME, "rows written to Pinot");
        }
    }

    /** What they take in memory. */
    public static final class Bytes extends SumMetric {
        static final String NAME = "pinotBytesWritten";

        /** Spark makes it. */
        public Bytes() {
            super(NAME, "bytes of rows, before they are a segment");
        }
    }

    /** Segments that are made of them. */
    public static final class Segments extends SumMetric {
        static final String NAME = "pinotSegmentsWritten";

        /** Spark makes it. */
        public Segments() {
            super(NAME, "segments");
        }
    }

    /** Rows that the table does not take. */
    public static final class Refused extends SumMetric {
        static final String NAME = "pinotRowsRefused";

        /** Spark makes it. */
        public Refused() {
            super(NAME, "rows that the table does not take");
        }
    }
}
