package io.pinotage.spark.write;

import io.pinotage.sink.Committable;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.spark.sql.connector.write.WriterCommitMessage;

/** What a task has made: segments in staging, and the rows that the table does not take. */
final class StagedSegments implements WriterCommitMessage {
    private static final long serialVersionUID = 1L;

    private final byte[][] segments;
    /** Where the rows are that the table does not take; null when there are none. */
    private final String quarantined;
    private final long refused;

    StagedSegments(List<Committable> segments, String quarantined, long refused) {
        this.segments = segments.stream().map(Committable::toBytes).toArray(byte[][]::new);
        this.quarantined = quarantined;
        this.refused = refused;
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

    /** Files of rows that the table does not take, of the same attempts. */
    static List<String> quarantined(WriterCommitMessage[] messages) {
        List<String> all = new ArrayList<>();
        for (WriterCommitMessage message : messages) {
            if (message != null && ((StagedSegments) message).quarantined != null) {
                all.add(((StagedSegments) message).quarantined);
            }
        }
        return all;
    }

    /** How many they are. */
    static long refused(WriterCommitMessage[] messages) {
        return Stream.of(messages).filter(Objects::nonNull).mapToLong(message -> ((StagedSegments) message).refused).sum();
    }
}
