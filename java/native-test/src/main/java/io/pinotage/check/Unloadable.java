package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotSinkTable;

/** Without a library every entrance says so, each time. */
final class Unloadable {
    private Unloadable() {}

    static void run(String kind, String named) {
        for (int i = 0; i < 2; i++) {
            refused(kind, named, () -> PinotSinkTable.of("{}"));
            refused(kind, named, () -> PinotSinkTable.resolve("{}"));
            refused(kind, named, () -> new BatchBuilder(ArrowSchema.of()).close());
        }
    }

    private static void refused(String kind, String named, Runnable entrance) {
        try {
            entrance.run();
            check(false, "a library was found");
        } catch (PinotageException error) {
            equal(kind, error.kind().text(), "kind");
            check(error.getMessage().contains(named), error.getMessage());
            check(!error.advice().isEmpty(), "advice");
        }
    }
}
