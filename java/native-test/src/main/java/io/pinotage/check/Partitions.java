package io.pinotage.check;

import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotPartitioner;
import io.pinotage.sink.PinotSinkTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Random;

/** Rows go where the library says, whether it is asked for a batch or Java for a row. */
final class Partitions {
    private Partitions() {}

    /** One description a line. */
    static void run(String descriptions, int rows) throws IOException {
        for (String description : Files.readAllLines(Paths.get(descriptions))) {
            try (PinotSinkTable table = PinotSinkTable.of(description)) {
                compare(table, rows);
            }
        }
    }

    private static void compare(PinotSinkTable table, int rows) {
        PinotPartitioner partitioner = table.partitioner();
        int column = table.schema().indexOf(partitioner.columns().get(0));
        String type = table.columns().get(column).pinotType();
        Random random = new Random(3);
        int[] expected = new int[rows];
        Object[] values = new Object[rows];
        try (BatchBuilder builder = new BatchBuilder(table.schema())) {
            for (int row = 0; row < rows; row++) {
                Object value = row % 10 == 9 ? null : value(type, random);
                if (value instanceof byte[] && type.equals("STRING")) {
                    value = new String((byte[]) value, StandardCharsets.ISO_8859_1);
                }
                values[row] = value;
                Rows.put(builder.column(column), value);
                builder.endRow();
                expected[row] = partitioner.partition(new Object[] {value});
            }
            int[] found = table.partitions(builder.finish());
            equal(rows, found.length, "rows");
            for (int row = 0; row < rows; row++) {
                equal(expected[row], found[row], table.columns() + " " + values[row] + " of " + partitioner.partitions());
            }
        }
    }

    private static Object value(String type, Random random) {
        switch (type) {
            case "INT":
                return random.nextInt() >> random.nextInt(32);
            case "LONG":
            case "TIMESTAMP":
                return random.nextLong() >>> 20 + random.nextInt(30);
            case "BOOLEAN":
                return random.nextBoolean();
            default:
                byte[] bytes = new byte[random.nextInt(40)];
                random.nextBytes(bytes);
                for (int i = 0; i < bytes.length && type.equals("STRING"); i++) {
                    // No NUL, where Pinot cuts.
                    bytes[i] = bytes[i] == 0 ? 1 : bytes[i];
                }
                return bytes;
        }
    }
}
