package io.pinotage.spark.write;

import io.pinotage.sink.Committable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.connector.write.WriterCommitMessage;

/** What a task has made: segments in staging, and the rows that the table does not take. */
final class StagedSegments implements WriterCommitMessage {
    private static final long serialVersionUID = 1L;

    private final byte[][] segments;
    private final ArrayList<String> rejected;

    StagedSegments(List<Committable> segments, List<String> rejected) {
        this.segments = segments.stream().map(Committable::toBytes).toArray(byte[][]::new);
        this.rejected = new ArrayList<>(rejected);
    }

    /** Those of all tasks that there is a message of: of each task one attempt's. */
    static List<Committable> segments(WriterCommitMessage[] messages) {
        List<Committable> all = new ArrayList<>();
        for (WriterCommitMessage message : messages) {
            if (message != null) {
                for (byte[] segment : ((StagedSegments) message).segments) {
                    all.add(Committable.fromBytes(segment));
                }
            }
        }
        return all;
    }

    /** Rows that the table does not take, as lines of JSON. */
    static List<String> rejected(WriterCommitMessage[] messages) {
        List<String> all = new ArrayList<>();
        for (WriterCommitMessage message : messages) {
            if (message != null) {
                all.addAll(((StagedSegments) message).rejected);
            }
        }
        return all;
    }
}
