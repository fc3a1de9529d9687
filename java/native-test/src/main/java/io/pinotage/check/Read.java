package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.Column;
import io.pinotage.arrow.RecordBatch;
import io.pinotage.jni.NativeMemory;
import io.pinotage.scan.Aggregate;
import io.pinotage.scan.Condition;
import io.pinotage.scan.Condition.Op;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.Pushdown;
import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanPlan;
import io.pinotage.scan.ScanReader;
import io.pinotage.scan.ScanRequest;
import io.pinotage.scan.ScanSplit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads a table; what comes goes to files that a test compares with what it should be. */
final class Read {
    private static final char[] HEX = "0123456789abcdef".toCharArray();

    /** Conditions on the table of the test, each with its SQL. */
    private static final Object[][] CONDITIONS = {
        {Condition.compare("i", Op.GT, "2"), "i > 2"},
        {Condition.compare("l", Op.LT_EQ, "0").not(), "NOT l <= 0"},
        {Condition.in("s", Arrays.asList("a", "it's", "日本")), "s IN ('a', 'it''s', '日本')"},
        {Condition.and(Condition.compare("b", Op.EQ, "true"), Condition.isNotNull("s")), "b = true AND s IS NOT NULL"},
        {Condition.or(Condition.isNull("s"), Condition.compare("x", Op.EQ, "0003")), "s IS NULL OR x = '0003'"},
        {Condition.like("r", "%" + Condition.literal("_") + "%"), "REGEXP_LIKE(r, '_')"},
        {Condition.compare("t", Op.GT_EQ, "1700000000000"), "t >= 1700000000000"},
        {Condition.compare("d", Op.LT, "1.5"), "d < 1.5"},
        {Condition.compare("n", Op.EQ, "2.5"), "n = 2.5"},
        {Condition.compare("d", Op.GT, "1.5").not(), "NOT d > 1.5"},
    };

    private Read() {}

    static void run(String[] arguments) throws Exception {
        // The options of tests are those of a URL.
        switch (arguments[0]) {
            case "plan":
                plan(arguments[1], Paths.get(arguments[2]));
                break;
            case "splits":
                splits(Paths.get(arguments[1]));
                break;
            case "conditions":
                conditions(arguments[1], Paths.get(arguments[2]));
                break;
            case "groups":
                groups(arguments[1], Paths.get(arguments[2]));
                break;
            case "failure":
                failure(arguments[1], Paths.get(arguments[2]));
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        equal(0L, NativeMemory.outstanding()[0], "blocks that nobody freed");
        NativeCheck.noThreads();
    }

    /** Another process reads the splits. */
    private static void plan(String url, Path folder) throws Exception {
        try (PinotTable table = PinotTable.open(ScanOptions.of(url))) {
            ScanPlan plan = table.plan(new ScanRequest());
            equal(table.schema(), plan.schema(), "columns of all rows");
            check(plan.toString().contains("reader="), plan.toString());
            equal(plan.expectedRows(), plan.exactRows().orElse(-1), "rows without a condition");
            int number = 0;
            for (ScanSplit split : plan.splits()) {
                Files.write(folder.resolve(number++ + ".split"), split.toBytes());
            }
        }
    }

    private static void splits(Path folder) throws Exception {
        List<String> lines = new ArrayList<>();
        for (int i = 0; Files.exists(folder.resolve(i + ".split")); i++) {
            byte[] bytes = Files.readAllBytes(folder.resolve(i + ".split"));
            lines.addAll(lines(ScanSplit.of(bytes)));
            bytes[3]++;
            try (ScanReader later = ScanReader.open(ScanSplit.of(bytes))) {
                throw new AssertionError("a split of a later version was read: " + later);
            } catch (PinotageException error) {
                equal(ErrorKind.UNSUPPORTED, error.kind(), error.getMessage());
            }
        }
        Collections.sort(lines);
        Files.write(folder.resolve("rows"), lines);
    }

    private static List<String> lines(ScanSplit split) {
        List<String> lines = new ArrayList<>();
        try (ScanReader reader = ScanReader.open(split)) {
            for (RecordBatch batch = reader.next(); batch != null; batch = reader.next()) {
                try (RecordBatch rows = batch) {
                    for (int row = 0; row < rows.rows(); row++) {
                        lines.add(line(rows, row));
                    }
                }
            }
            check(reader.isEnded() && reader.next() == null, "nothing comes behind the end");
        }
        return lines;
    }

    private static String line(RecordBatch rows, int row) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < rows.schema().fields().size(); i++) {
            line.append(i == 0 ? "" : "|");
            value(rows.column(i), row, line);
        }
        return line.toString();
    }

    private static void value(Column column, int row, StringBuilder line) {
        if (column.isNull(row)) {
            line.append("null");
            return;
        }
        switch (column.field().type().kind()) {
            case BOOL:
                line.append(column.getBoolean(row));
                break;
            case INT32:
                line.append(column.getInt(row));
                break;
            case INT64:
            case TIMESTAMP_MILLIS:
                line.append(column.getLong(row));
                break;
            case FLOAT32:
                line.append(Integer.toHexString(Float.floatToRawIntBits(column.getFloat(row))));
                break;
            case FLOAT64:
                line.append(Long.toHexString(Double.doubleToRawLongBits(column.getDouble(row))));
                break;
            case DECIMAL128:
                line.append(column.getDecimal(row).toPlainString());
                break;
            case LIST:
                for (int at = column.start(row); at < column.end(row); at++) {
                    line.append(at == column.start(row) ? "[" : ",");
                    value(column.elements(), at, line);
                }
                line.append(']');
                break;
            default:
                for (byte one : column.getBytes(row)) {
                    line.append(HEX[one >> 4 & 15]).append(HEX[one & 15]);
                }
                line.append('\'');
        }
    }

    /** A line for each condition: what becomes of it, its SQL, and the ids of the rows that came. */
    private static void conditions(String url, Path file) throws Exception {
        List<String> answers = new ArrayList<>();
        try (PinotTable table = PinotTable.open(ScanOptions.of(url))) {
            for (Object[] one : CONDITIONS) {
                List<Condition> condition = Collections.singletonList((Condition) one[0]);
                Pushdown pushdown = table.pushdown(condition).get(0);
                ScanRequest request = new ScanRequest().columns(Collections.singletonList("id"));
                if (pushdown == Pushdown.EXACT) {
                    request.exact(condition);
                } else {
                    request.rechecked(condition);
                    try {
                        table.plan(new ScanRequest().exact(condition));
                        throw new AssertionError(condition + " was relied upon");
                    } catch (PinotageException error) {
                        equal(ErrorKind.UNEXPECTED, error.kind(), error.getMessage());
                    }
                }
                List<String> ids = new ArrayList<>();
                for (ScanSplit split : table.plan(request).splits()) {
                    ids.addAll(lines(split));
                }
                answers.add(pushdown + "\t" + one[1] + "\t" + String.join(",", ids));
            }
            long rows = 0;
            ScanPlan limited = table.plan(new ScanRequest().limit(7));
            for (ScanSplit split : limited.splits()) {
                int found = lines(split).size();
                check(found <= 7, found + " rows of a split, 7 are enough");
                rows += found;
            }
            check(rows >= 7, rows + " rows, 7 are wanted");
            ScanPlan first = table.plan(new ScanRequest().orderBy("id", true, false).first(5));
            List<String> greatest = new ArrayList<>();
            first.splits().forEach(split -> lines(split).forEach(line -> greatest.add(line.split("\\|")[0])));
            answers.add("FIRST\t" + first.ordered() + "\t" + String.join(",", greatest));
            long counted = 0;
            for (ScanSplit split : table.plan(new ScanRequest().columns(Collections.emptyList())).splits()) {
                counted += lines(split).size();
            }
            answers.add("COUNT\t" + counted + "\t");
        }
        Files.write(file, answers);
    }

    /** A line for each group: its key, then what it comes to over all splits. */
    private static void groups(String url, Path file) throws Exception {
        Map<String, long[]> groups = new TreeMap<>();
        try (PinotTable table = PinotTable.open(ScanOptions.of(url))) {
            ScanPlan plan = table.plan(new ScanRequest().aggregate(
                    Collections.singletonList("s"),
                    Arrays.asList(
                            Aggregate.rows(), Aggregate.count("i"), Aggregate.min("l"), Aggregate.max("l"), Aggregate.sum("i"))));
            check(plan.aggregated(), plan.toString());
            equal(6, plan.schema().fields().size(), "columns of groups");
            for (ScanSplit split : plan.splits()) {
                for (String line : lines(split)) {
                    String[] parts = line.split("\\|");
                    long[] sums = groups.computeIfAbsent(parts[0], key -> new long[] {0, 0, Long.MAX_VALUE, Long.MIN_VALUE, 0});
                    sums[0] += Long.parseLong(parts[1]);
                    sums[1] += Long.parseLong(parts[2]);
                    sums[2] = Math.min(sums[2], Long.parseLong(parts[3]));
                    sums[3] = Math.max(sums[3], Long.parseLong(parts[4]));
                    sums[4] += Long.parseLong(parts[5]);
                }
            }
        }
        List<String> lines = new ArrayList<>();
        groups.forEach((key, sums) -> lines.add(key + Arrays.toString(sums)));
        Files.write(file, lines);
    }

    /** The server of the table ends when the test sees that a plan is there. */
    private static void failure(String url, Path folder) throws Exception {
        ScanPlan plan;
        try (PinotTable table = PinotTable.open(ScanOptions.of(url))) {
            plan = table.plan(new ScanRequest());
        }
        Files.createFile(folder.resolve("planned"));
        while (!Files.exists(folder.resolve("gone"))) {
            Thread.sleep(20);
        }
        for (ScanSplit split : plan.splits()) {
            try {
                lines(split);
                throw new AssertionError("rows came from a server that is gone");
            } catch (PinotageException error) {
                equal(ErrorKind.UNAVAILABLE, error.kind(), error.getMessage());
                check(error.retryable() && error.context().containsKey("segments"), error + " " + error.context());
            }
        }
        try (ScanReader reader = ScanReader.open(plan.splits().get(0))) {
            reader.cancel();
            reader.next();
            throw new AssertionError("a cancelled reader goes on");
        } catch (PinotageException error) {
            equal(ErrorKind.CANCELLED, error.kind(), error.getMessage());
        }
    }
}
