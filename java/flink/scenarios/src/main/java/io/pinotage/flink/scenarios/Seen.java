package io.pinotage.flink.scenarios;

import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/** A reporter of Flink's that adds up what operators of this process said when they ended. */
public final class Seen implements MetricReporter {
    private static final Map<String, Long> SUMS = new TreeMap<>();

    /** For Flink, which finds it by its service. */
    public static final class Factory implements MetricReporterFactory {
        @Override
        public MetricReporter createMetricReporter(Properties properties) {
            return new Seen();
        }
    }

    /** Begins anew. */
    static void clear() {
        synchronized (SUMS) {
            SUMS.clear();
        }
    }

    /** Names and numbers that are more than none. */
    static String sums() {
        synchronized (SUMS) {
            return SUMS.toString();
        }
    }

    @Override
    public void open(MetricConfig config) {}

    @Override
    public void close() {}

    @Override
    public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {}

    @Override
    public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {
        String operator = group.getAllVariables().getOrDefault("<operator_name>", "");
        if (!operator.startsWith("sink") && !operator.startsWith("Sink") && !operator.startsWith("Pinot")) {
            return;
        }
        Object value = metric instanceof Counter
                ? (Object) ((Counter) metric).getCount()
                : metric instanceof Gauge ? ((Gauge<?>) metric).getValue() : null;
        if (value instanceof Number && ((Number) value).longValue() > 0) {
            synchronized (SUMS) {
                SUMS.merge(name, ((Number) value).longValue(), Long::sum);
            }
        }
    }
}
