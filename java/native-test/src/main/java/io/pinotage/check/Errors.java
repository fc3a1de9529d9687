package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.ErrorKind;
import io.pinotage.Origin;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeLibrary;
import io.pinotage.jni.NativeMemory;
import io.pinotage.sink.Committable;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.SinkOptions;
import io.pinotage.sink.SinkWriter;
import io.pinotage.sink.TaskContext;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Collections;

/** What fails, and what panics, is a typed exception. */
final class Errors {
    private interface Call {
        void run() throws Exception;
    }

    private Errors() {}

    /** In builds with debug assertions alone. */
    private static native void panicOnPurpose();

    private static PinotageException thrown(ErrorKind kind, Call call) {
        try {
            call.run();
        } catch (PinotageException error) {
            equal(kind, error.kind(), error.getMessage());
            check(error.getMessage().startsWith(kind.text() + ": "), error.getMessage());
            check(!error.advice().isEmpty(), "advice");
            check(error.getMessage().endsWith("; to do: " + error.advice()), error.getMessage());
            return error;
        } catch (Exception error) {
            throw new AssertionError("another exception", error);
        }
        throw new AssertionError("no exception, expected " + kind);
    }

    static void run(String description) throws Exception {
        String text = new String(Files.readAllBytes(Paths.get(description)), "UTF-8");
        NativeLibrary.load();
        check(!NativeLibrary.version().isEmpty(), "version");

        PinotageException panic = thrown(ErrorKind.UNEXPECTED, Errors::panicOnPurpose);
        equal(Origin.INTERNAL, panic.origin(), "origin of a panic");
        check(panic.getMessage().contains("on purpose"), panic.getMessage());

        String options = new SinkOptions()
                .set("name", "j")
                .set("sink.kind", "pinot")
                .set("sink.table", "t")
                .set("sink.controller", "127.0.0.1:9")
                .set("sink.connection.controller", "127.0.0.1:9")
                .set("staging", "/tmp")
                .toJson();
        thrown(ErrorKind.INVALID_CONFIG, () -> PinotSinkTable.resolve(options));
        String unknown = "{\"name\": \"j\", \"stagin\": \"/tmp\"}";
        PinotageException nearest = thrown(ErrorKind.INVALID_CONFIG, () -> PinotSinkTable.resolve(unknown));
        check(nearest.advice().contains("`staging`"), nearest.advice());
        check(!nearest.retryable(), "a wrong option is not retried");
        // Nobody listens on the port of `discard`.
        PinotageException nobody = thrown(
                ErrorKind.UNAVAILABLE,
                () -> PinotSinkTable.resolve(new SinkOptions()
                        .set("name", "j")
                        .set("sink.kind", "pinot")
                        .set("sink.table", "t")
                        .set("sink.connection.controller", "127.0.0.1:9")
                        .set("sink.connection.retries.attempts", 1)
                        .set("staging", "/tmp")
                        .toJson()));
        check(nobody.retryable() && nobody.origin() == Origin.REMOTE, "an unreachable controller is asked again");
        check(nobody.getCause() != null && !nobody.context().isEmpty(), "cause and context: " + nobody.context());
        thrown(ErrorKind.UNSUPPORTED, () -> PinotSinkTable.of(text.replaceFirst("\"form\":1", "\"form\":99")));
        thrown(ErrorKind.INVALID_DATA, () -> PinotSinkTable.of("{"));
        NativeCheck.noThreads();

        ArrowSchema longs = ArrowSchema.of(ArrowField.of("id", ArrowType.INT64, true));
        try (PinotSinkTable table = PinotSinkTable.of(text)) {
            ArrowSchema never = ArrowSchema.of(ArrowField.struct("id", true, ArrowField.of("a", ArrowType.INT32, true)));
            PinotageException refused = thrown(ErrorKind.SCHEMA_MISMATCH, () -> table.check(never));
            check(refused.getMessage().contains("id"), refused.getMessage());
            TaskContext nowhere = new TaskContext("no run", 0, 0, 1, 0);
            thrown(ErrorKind.INVALID_CONFIG, () -> table.openWriter(longs, nowhere, Collections.emptyList()));
            String run = TaskContext.newRun();
            thrown(ErrorKind.INVALID_CONFIG, () -> table.readStagingProbe("nobody-wrote-it"));
            table.writeStagingProbe("seen", run);
            equal(run, table.readStagingProbe("seen"), "probe");
            table.removeStagingProbe("seen");
            table.removeStagingProbe("seen");
            try (SinkCommitter committer = table.openCommitter(run)) {
                Committable later = Committable.fromBytes(new byte[] {0, 0, 0, 9, 1, 2, 3});
                thrown(ErrorKind.UNSUPPORTED, () -> committer.start(Collections.singletonList(later)));
                Committable none = Committable.fromBytes(new byte[] {0, 0, 0, 1, 1});
                thrown(ErrorKind.INVALID_DATA, () -> committer.start(Collections.singletonList(none)));
            }
            SinkWriter writer =
                    table.openWriter(longs, new TaskContext(run, 0, 0, 1, 0), Collections.emptyList());
            try (BatchBuilder builder = new BatchBuilder(longs)) {
                builder.column(0).appendLong(1);
                builder.endRow();
                RecordBatch batch = builder.finish();
                equal(0, writer.write(batch).size(), "rejected rows");
                try {
                    writer.write(batch);
                    check(false, "a batch was consumed twice");
                } catch (IllegalStateException expected) {
                    batch.close();
                }
            }
            // Nobody has asked for bad rows.
            ArrowSchema texts = ArrowSchema.of(ArrowField.of("id", ArrowType.UTF8, true));
            TaskContext task = new TaskContext(run, 0, 0, 1, 0);
            try (SinkWriter strict = table.openWriter(texts, task, Collections.emptyList());
                    BatchBuilder builder = new BatchBuilder(texts)) {
                builder.column(0).appendString("many");
                builder.endRow();
                PinotageException bad = thrown(ErrorKind.INVALID_DATA, () -> strict.write(builder.finish()));
                check(bad.advice().contains("limits.errors"), bad.advice());
            }
            writer.close();
            writer.close();
            thrown(ErrorKind.UNEXPECTED, () -> writer.prepare(1, false));
        }
        NativeCheck.noThreads();
        equal(0L, NativeMemory.outstanding()[0], "blocks that nobody freed");
    }
}
