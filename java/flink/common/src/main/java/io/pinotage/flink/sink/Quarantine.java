package io.pinotage.flink.sink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/**
 * Rows that the table does not take, as lines of JSON in files {@code <table>-<run>-<epoch>-<task>.jsonl} of a folder that Flink can
 * write to. A file is written when its epoch ends; a job that goes on behind an epoch first removes what came after it.
 */
final class Quarantine {
    private static final String SUFFIX = ".jsonl";

    private final Path folder;
    private final String prefix;
    private final int task;
    private final List<String> rows = new ArrayList<>();

    /** That of a writer, which goes on behind an epoch. */
    Quarantine(String folder, String table, String run, long epoch, int task, int tasks) throws IOException {
        this.folder = new Path(folder);
        this.prefix = table + "-" + run + "-";
        this.task = task;
        FileSystem files = this.folder.getFileSystem();
        files.mkdirs(this.folder);
        for (FileStatus file : files.listStatus(this.folder)) {
            String name = file.getPath().getName();
            if (name.startsWith(prefix) && name.endsWith(SUFFIX)) {
                String[] numbers = name.substring(prefix.length(), name.length() - SUFFIX.length()).split("-");
                boolean isLater = numbers.length == 2 && Long.parseLong(numbers[0]) > epoch;
                if (isLater && Integer.parseInt(numbers[1]) % tasks == task) {
                    files.delete(file.getPath(), false);
                }
            }
        }
    }

    void add(RefusedRow row) {
        rows.add(row.toJson());
    }

    /** Writes what came since the last epoch. */
    void end(long epoch) throws IOException {
        if (rows.isEmpty()) {
            return;
        }
        Path file = new Path(folder, prefix + epoch + "-" + task + SUFFIX);
        try (FSDataOutputStream out = file.getFileSystem().create(file, FileSystem.WriteMode.OVERWRITE)) {
            for (String row : rows) {
                out.write((row + "\n").getBytes(StandardCharsets.UTF_8));
            }
            out.sync();
        }
        rows.clear();
    }
}
