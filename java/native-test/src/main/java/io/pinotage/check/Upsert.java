package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.Committable;
import io.pinotage.sink.Delivery;
import io.pinotage.sink.PinotPartitioner;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Publication;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.SinkWriter;
import io.pinotage.sink.TaskContext;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Rows beside the stream of a table that keeps one row of each key. */
final class Upsert {
    private static final ArrowSchema ROWS = ArrowSchema.of(
            ArrowField.of("k", ArrowType.UTF8, false),
            ArrowField.of("v", ArrowType.UTF8, false),
            ArrowField.of("t", ArrowType.INT64, false));

    private Upsert() {}

    /** Of each key an older row, then one that is older than the stream's for even keys and newer for odd ones. */
    static void run(String options, int keys, int tasks, long time) throws Exception {
        String description;
        try (PinotSinkTable table =
                PinotSinkTable.resolve(new String(Files.readAllBytes(Paths.get(options)), "UTF-8"))) {
            check(table.upserts() && table.realtime() && !table.needsBoundedInput(), "kind of table");
            equal(Delivery.IDEMPOTENT, table.delivery(), "delivery");
            equal(Collections.singletonList("k"), table.primaryKey(), "primary key");
            description = table.description();
        }
        String run = TaskContext.newRun();
        List<Committable> committables = new ArrayList<>();
        try (PinotSinkTable table = PinotSinkTable.of(description)) {
            PinotPartitioner partitioner = table.partitioner();
            for (int task = 0; task < tasks; task++) {
                TaskContext context = new TaskContext(run, 0, task, tasks, 64 << 20);
                try (SinkWriter writer = table.openWriter(ROWS, context, Collections.emptyList());
                        BatchBuilder builder = new BatchBuilder(ROWS)) {
                    for (int round = 0; round < 2; round++) {
                        for (int key = 0; key < keys; key++) {
                            String text = "key " + key;
                            if (PinotPartitioner.task(partitioner.partition(text), tasks) != task) {
                                continue;
                            }
                            builder.column(0).appendString(text);
                            builder.column(1).appendString(round == 0 ? "first" : "second");
                            builder.column(2).appendLong(time + (round == 0 ? -2000 : key % 2 == 0 ? -1000 : 1000));
                            builder.endRow();
                        }
                    }
                    writer.write(builder.finish());
                    committables.addAll(writer.prepare(1, true).committables());
                    check(writer.metrics().get("rows superseded") > 0, "no row lost against a later one of its key");
                }
            }
            equal((long) keys, committables.stream().mapToLong(Committable::rows).sum(), "rows in segments");
            try (SinkCommitter committer = table.openCommitter(run);
                    Publication publication = committer.start(committables)) {
                committer.check(1);
                Publication.Progress progress = publication.await(120_000);
                publication.check();
                equal(Publication.State.ENDED, progress.state(), progress.toString());
            }
        }
        NativeCheck.noThreads();
    }
}
