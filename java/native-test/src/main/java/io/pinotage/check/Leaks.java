package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/** Memory stays bounded over many batches, whichever way they go. */
final class Leaks {
    /** What allocators may keep for themselves, and collectors may not have looked at yet. */
    private static final long SLACK_KB = 48 << 10;

    private Leaks() {}

    static void run(int batches) throws IOException {
        int[] places = {3, 1, 4, 1, 5};
        long before = 0;
        try (BatchBuilder builder = new BatchBuilder(Rows.SCHEMA)) {
            for (int i = 0; i < batches; i++) {
                if (i == batches / 5) {
                    before = anonymous();
                }
                // Some 100 KB each: without being freed they were a gigabyte.
                Rows rows = new Rows(i, 0.1);
                for (int row = 0; row < 16; row++) {
                    rows.append(builder);
                    builder.column(5).appendString("");
                    builder.dropRow();
                }
                builder.column(6).appendBytes(new byte[100_000]);
                builder.endRow();
                RecordBatch batch = builder.finish();
                if (i % 3 == 0) {
                    batch.close();
                } else {
                    try (RecordBatch back = batch.take(places)) {
                        check(back.rows() == places.length, "rows");
                        if (i % 3 == 1) {
                            Rows.get(back.column(5), 2);
                        }
                    }
                }
                check(NativeMemory.outstanding()[0] == 0, "blocks are left over after batch " + i);
            }
        }
        equal(0L, NativeMemory.outstanding()[1], "bytes that nobody freed");
        long grown = anonymous() - before;
        System.out.println("grown by " + grown + " KiB over " + (batches - batches / 5) + " batches");
        check(grown < SLACK_KB, "memory has grown by " + grown + " KiB");
    }

    private static long anonymous() throws IOException {
        System.gc();
        for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
            if (line.startsWith("RssAnon:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new AssertionError("no RssAnon");
    }
}
