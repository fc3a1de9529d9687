package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** All types and nulls, to the library and back. */
final class Types {
    private Types() {}

    static void run() {
        Random random = new Random(7);
        try (BatchBuilder builder = new BatchBuilder(Rows.SCHEMA)) {
            int[] counts = {0, 1, 7, 8, 9, 63, 64, 65, 1000};
            for (double nulls : new double[] {0, 0.3, 1}) {
                for (int count : counts) {
                    acrossAndBack(builder, new Rows(random.nextLong(), nulls), count, random);
                }
            }
            rowsThatAreDropped(builder);
        }
        equal(0L, NativeMemory.outstanding()[0], "blocks that nobody freed");
    }

    private static void acrossAndBack(BatchBuilder builder, Rows rows, int count, Random random) {
        List<List<Object>> expected = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            expected.add(rows.append(builder));
        }
        equal(count, builder.rows(), "rows of the builder");
        RecordBatch batch = builder.finish();
        equal(0, builder.rows(), "rows of an empty builder");
        compare(batch, expected);
        // Each row twice, in another order.
        int[] places = random.ints(2L * count, 0, Math.max(1, count)).toArray();
        List<List<Object>> taken = new ArrayList<>();
        for (int place : places) {
            taken.add(expected.get(place));
        }
        try (RecordBatch back = batch.take(places)) {
            compare(back, taken);
        }
        batch.close();
    }

    private static void compare(RecordBatch batch, List<List<Object>> expected) {
        equal(expected.size(), batch.rows(), "rows");
        for (int column = 0; column < Rows.SCHEMA.fields().size(); column++) {
            long nulls = 0;
            for (int row = 0; row < expected.size(); row++) {
                Object value = expected.get(row).get(column);
                nulls += value == null ? 1 : 0;
                equal(value, Rows.get(batch.column(column), row), Rows.SCHEMA.fields().get(column) + " of row " + row);
            }
            equal(nulls, batch.column(column).nulls(), "nulls of " + Rows.SCHEMA.fields().get(column));
        }
    }

    /** A row that turns out to be bad in its middle leaves nothing behind. */
    private static void rowsThatAreDropped(BatchBuilder builder) {
        Rows rows = new Rows(11, 0.2);
        Random random = new Random(13);
        List<List<Object>> expected = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            int columns = random.nextInt(Rows.SCHEMA.fields().size() + 1);
            for (int column = 0; column < columns; column++) {
                Rows.put(builder.column(column), rows.value(Rows.SCHEMA.fields().get(column)));
            }
            if (random.nextBoolean()) {
                builder.column(12).elements().appendLong(5);
                builder.column(15).keys().appendString("left over");
            }
            builder.dropRow();
            expected.add(rows.append(builder));
        }
        try (RecordBatch batch = builder.finish()) {
            compare(batch, expected);
        }
        builder.column(0).appendBoolean(true);
        builder.column(0).appendBoolean(true);
        try {
            builder.endRow();
            check(false, "two values of one row were taken");
        } catch (IllegalStateException expectedError) {
            builder.dropRow();
        }
        builder.finish().close();
    }
}
