package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.sink.Committable;
import io.pinotage.sink.OpenBuffer;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.SinkCommitter;
import io.pinotage.sink.TaskContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Collections;

/** Bytes that states of engines have, of every form there was: they are read for ever. */
final class OldBytes {
    private static final String COMMITTABLE_1 = "00000001 0000000000000003 0000000000000007 00000001";
    private static final String SEGMENT_1 = "{\"name\":\"t_j_0a_3_1_0\",\"file\":\"0a0b0c0d/t_j_0a_3_1_0.tar.gz\","
            + "\"crc\":4000000000,\"rows\":7,\"epoch\":3,\"creationMillis\":1700000000000,\"partitions\":{\"key\":[1]}}";
    private static final String OPEN_1 = "00000001 00000001 0000000000000009";
    private static final String KEPT_1 = "{\"version\":1,\"files\":[{\"name\":\"1-4-0a0b0c0d-0.arrow\",\"rows\":9,"
            + "\"bytes\":512,\"hash\":77}],\"sinceMillis\":1700000000000,"
            + "\"sealed\":{\"name\":\"t_j_0a_4_1_0\",\"epoch\":4,\"creationMillis\":5}}";

    private OldBytes() {}

    static void run(String description) throws Exception {
        Committable committable = Committable.fromBytes(bytes(COMMITTABLE_1, SEGMENT_1));
        equal(3L, committable.epoch(), "epoch");
        equal(7L, committable.rows(), "rows");
        OpenBuffer open = OpenBuffer.fromBytes(bytes(OPEN_1, KEPT_1));
        equal(1, open.partition(), "partition");
        equal(9L, open.rows(), "kept rows");
        String text = new String(Files.readAllBytes(Paths.get(description)), "UTF-8");
        try (PinotSinkTable table = PinotSinkTable.of(text);
                SinkCommitter committer = table.openCommitter("000000000000000a")) {
            // What was built is gone long ago, and so is nothing to take back.
            committer.abort(Collections.singletonList(committable));
            try {
                TaskContext task = new TaskContext("000000000000000a", 4, 0, 1, 64 << 20);
                table.openWriter(table.schema(), task, Collections.singletonList(open)).close();
                check(false, "rows that are gone were not missed");
            } catch (PinotageException error) {
                equal(ErrorKind.NOT_FOUND, error.kind(), error.getMessage());
                check(error.getMessage().contains("1-4-0a0b0c0d-0.arrow"), error.getMessage());
            }
        }
        NativeCheck.noThreads();
    }

    private static byte[] bytes(String hex, String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        String digits = hex.replace(" ", "");
        for (int i = 0; i < digits.length(); i += 2) {
            bytes.write(Integer.parseInt(digits.substring(i, i + 2), 16));
        }
        bytes.write(text.getBytes(StandardCharsets.UTF_8));
        return bytes.toByteArray();
    }
}
