package io.pinotage.flink.sink;

import io.pinotage.sink.SinkWriter;
import java.util.Map;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;

/** What a writer tells Flink, by the names that all of Flink's sinks have where there are such. */
final class WriterMetrics {
    private final SinkWriter writer;
    private final Counter rows;
    private final Counter bytes;
    private final Counter rejected;
    /** The last numbers of a writer that is closed: reporters may ask later. */
    private Map<String, Long> last;

    WriterMetrics(SinkWriterMetricGroup group, SinkWriter writer) {
        this.writer = writer;
        this.rows = group.getNumRecordsSendCounter();
        this.bytes = group.getNumBytesSendCounter();
        this.rejected = group.getNumRecordsOutErrorsCounter();
        for (String name : writer.metrics().keySet()) {
            group.gauge(camelCase(name), () -> now().getOrDefault(name, 0L));
        }
    }

    private synchronized Map<String, Long> now() {
        return last == null ? writer.metrics() : last;
    }

    /** The writer is closed behind this. */
    synchronized void end() {
        last = writer.metrics();
    }

    void written(int rows, long bytes, int rejected) {
        this.rows.inc(rows);
        this.bytes.inc(bytes);
        this.rejected.inc(rejected);
    }

    /** {@code segments sealed} becomes {@code segmentsSealed}. */
    private static String camelCase(String words) {
        StringBuilder name = new StringBuilder();
        for (String word : words.split(" ")) {
            name.append(name.length() == 0 ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.toString();
    }
}
