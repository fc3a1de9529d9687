package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeMemory;
import io.pinotage.sink.Committable;
import io.pinotage.sink.Delivery;
import io.pinotage.sink.OpenBuffer;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Prepared;
import io.pinotage.sink.Publication;
import io.pinotage.sink.RejectedRow;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.SinkWriter;
import io.pinotage.sink.TaskContext;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Two epochs of two tasks, then one task, into a table of a real cluster. */
final class Write {
    private static final ArrowSchema ROWS = ArrowSchema.of(
            ArrowField.of("id", ArrowType.INT64, false),
            ArrowField.of("city", ArrowType.UTF8, true),
            // Text, which the table has as a number.
            ArrowField.of("price", ArrowType.UTF8, true));

    private Write() {}

    static void run(String options, int rows) throws Exception {
        String description;
        try (PinotSinkTable table =
                PinotSinkTable.resolve(new String(Files.readAllBytes(Paths.get(options)), "UTF-8"))) {
            table.check(ROWS);
            equal(Delivery.TRANSACTIONAL, table.delivery(), "delivery");
            description = table.description();
        }
        String run = TaskContext.newRun();
        List<Committable> committables = new ArrayList<>();
        try (PinotSinkTable table = PinotSinkTable.of(description)) {
            List<OpenBuffer> open = new ArrayList<>();
            for (int task = 0; task < 2; task++) {
                TaskContext context = new TaskContext(run, 0, task, 2, 64 << 20);
                try (SinkWriter writer = table.openWriter(ROWS, context, Collections.emptyList())) {
                    write(writer, task * rows, rows);
                    Prepared prepared = writer.prepare(5, false);
                    committables.addAll(prepared.committables());
                    prepared.open().forEach(buffer -> open.add(OpenBuffer.fromBytes(buffer.toBytes())));
                    writer.beginEpoch(8);
                    writer.recorded(7);
                }
            }
            long kept = open.stream().mapToLong(OpenBuffer::rows).sum();
            long sealed = committables.stream().mapToLong(Committable::rows).sum();
            equal(2L * rows, kept + sealed, "rows of the first epoch");
            TaskContext context = new TaskContext(run, 7, 0, 1, 64 << 20);
            try (SinkWriter writer = table.openWriter(ROWS, context, open)) {
                List<RejectedRow> rejected = write(writer, 2 * rows, rows);
                rejected.addAll(bad(writer));
                equal(1, rejected.size(), "rejected rows");
                equal(1, rejected.get(0).row(), "number of the rejected row");
                equal("price", rejected.get(0).column(), "its column");
                check(rejected.get(0).raw().contains("a lot"), rejected.get(0).raw());
                Prepared prepared = writer.prepare(8, true);
                committables.addAll(prepared.committables());
                check(prepared.open().isEmpty(), "something is open behind the end");
                writer.recorded(8);
                equal((long) rows + 2, writer.metrics().get("rows read"), "rows read");
            }
            equal(3L * rows + 1, committables.stream().mapToLong(Committable::rows).sum(), "rows in segments");
            commit(table, run, committables);
        }
        NativeCheck.noThreads();
        equal(0L, NativeMemory.outstanding()[0], "blocks that nobody freed");
    }

    private static List<RejectedRow> write(SinkWriter writer, int first, int rows) {
        List<RejectedRow> rejected = new ArrayList<>();
        try (BatchBuilder builder = new BatchBuilder(ROWS)) {
            for (int i = 0; i < rows; i++) {
                builder.column(0).appendLong(first + i);
                if (i % 7 != 0) {
                    builder.column(1).appendString("city " + i % 5);
                }
                builder.column(2).appendString(i + ".5");
                builder.endRow();
                if (builder.rows() == 1000) {
                    rejected.addAll(writer.write(builder.finish()));
                }
            }
            rejected.addAll(writer.write(builder.finish()));
        }
        return rejected;
    }

    private static List<RejectedRow> bad(SinkWriter writer) {
        try (BatchBuilder builder = new BatchBuilder(ROWS)) {
            for (String price : Arrays.asList("1", "a lot")) {
                builder.column(0).appendLong(-1);
                builder.column(2).appendString(price);
                builder.endRow();
            }
            RecordBatch batch = builder.finish();
            return writer.write(batch);
        }
    }

    private static void commit(PinotSinkTable table, String run, List<Committable> committables) throws Exception {
        try (SinkCommitter committer = table.openCommitter(run)) {
            committer.check(7);
            // What another process has begun and nobody knows how far it came.
            try (Publication publication = committer.start(committables)) {
                publication.poll();
                publication.cancel();
            }
            for (int round = 0; round < 2; round++) {
                try (Publication publication = committer.start(committables)) {
                    Publication.Progress progress = publication.await(120_000);
                    publication.check();
                    equal(Publication.State.ENDED, progress.state(), progress.toString());
                    equal(committables.size(), progress.loaded(), progress.toString());
                }
            }
            committer.check(8);
            try {
                committer.check(4);
                check(false, "a state that was set back was not found out");
            } catch (PinotageException error) {
                equal(ErrorKind.COMMIT_CONFLICT, error.kind(), error.getMessage());
            }
            committer.abort(committables);
        }
    }
}
