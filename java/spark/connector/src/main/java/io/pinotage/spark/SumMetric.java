package io.pinotage.spark;

import org.apache.spark.sql.connector.metric.CustomSumMetric;
import org.apache.spark.sql.connector.metric.CustomTaskMetric;

/** A number of a query that is the sum of what tasks say. Spark makes those below by their names. */
public abstract class SumMetric extends CustomSumMetric {
    private final String name;
    private final String description;

    /** A number with a name of its own, and as people see it. */
    protected SumMetric(String name, String description) {
        this.name = name;
        this.description = description;
    }

    /** What a task says of the metric of a name. */
    public static CustomTaskMetric value(String name, long value) {
        return new CustomTaskMetric() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public long value() {
                return value;
            }
        };
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return description;
    }
}
