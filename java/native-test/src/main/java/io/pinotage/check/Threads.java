package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.jni.NativeLibrary;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.SinkWriter;
import io.pinotage.sink.TaskContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Threads come with the first handle and have ended with the last. */
final class Threads {
    private Threads() {}

    static void run(String description) throws Exception {
        String text = new String(Files.readAllBytes(Paths.get(description)), "UTF-8");
        NativeLibrary.load();
        TreeMap<String, Integer> first = null;
        for (int round = 0; round < 5; round++) {
            PinotSinkTable table = PinotSinkTable.of(text);
            TaskContext task = new TaskContext(TaskContext.newRun(), 0, 0, 1, 64 << 20);
            SinkWriter writer = table.openWriter(table.schema(), task, Collections.emptyList());
            table.close();
            try (BatchBuilder builder = new BatchBuilder(table.schema())) {
                for (int i = 0; i < 1000; i++) {
                    builder.column(0).appendLong(i);
                    builder.endRow();
                }
                writer.write(builder.finish());
            }
            check(NativeLibrary.threads() > 0, "a writer works without threads");
            check(!writer.prepare(1, true).committables().isEmpty(), "nothing was sealed");
            writer.close();
            NativeCheck.noThreads();
            TreeMap<String, Integer> now = threads();
            if (first == null) {
                first = now;
            }
        }
        System.out.println("first " + first + ", last " + threads());
    }

    /** Threads of the process by name. */
    private static TreeMap<String, Integer> threads() throws IOException {
        TreeMap<String, Integer> names = new TreeMap<>();
        try (Stream<java.nio.file.Path> tasks = Files.list(Paths.get("/proc/self/task"))) {
            tasks.forEach(task -> {
                try {
                    names.merge(new String(Files.readAllBytes(task.resolve("comm"))).trim(), 1, Integer::sum);
                } catch (IOException gone) {
                    // It has ended meanwhile.
                }
            });
        }
        return names;
    }
}
