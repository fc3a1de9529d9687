package io.pinotage.flink.sink.committer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pinotage.sink.Committable;
import io.pinotage.sink.Lives;
import io.pinotage.sink.StagedFiles;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PinotCommittableSerializerTest {
    private final PinotCommittableSerializer serializer = new PinotCommittableSerializer();

    /** Bytes that checkpoints have, of every version there was. They never change. */
    @Test
    void oldBytesAreRead() throws IOException {
        List<Committable> segments =
                List.of(Committable.fromBytes(new byte[] {5, 6}), Committable.fromBytes(new byte[] {7}));
        byte[] one = {0, 2, '0', 'a', 0, 0, 0, 2, 0, 0, 0, 2, 5, 6, 0, 0, 0, 1, 7};
        assertEquals(new PinotCommittable("0a", Lives.NONE, segments), serializer.deserialize(1, one));
        byte[] two = {0, 2, '0', 'a', 0, 0, 0, 2, '[', ']', 0, 0, 0, 2, 0, 0, 0, 2, 5, 6, 0, 0, 0, 1, 7};
        PinotCommittable committable =
                new PinotCommittable("0a", Lives.fromBytes(new byte[] {'[', ']'}), segments);
        assertEquals(committable, serializer.deserialize(2, two));
        byte[] three = Arrays.copyOf(two, two.length + 14);
        System.arraycopy(new byte[] {0, 0, 0, 1, 0, 1, 'b', 0, 0, 0, 1, 0, 1, 'c'}, 0, three, two.length, 14);
        PinotCommittable staged = new PinotCommittable(
                "0a", committable.lives(), segments, new StagedFiles(List.of("b"), List.of("c")));
        assertEquals(staged, serializer.deserialize(3, three));
        assertArrayEquals(three, serializer.serialize(staged));
        assertEquals(3, serializer.getVersion());
    }

    @Test
    void laterAndSpoiltBytesAreRefused() throws IOException {
        byte[] bytes = serializer.serialize(
                new PinotCommittable("0a", Lives.NONE, List.of(Committable.fromBytes(new byte[] {5}))));
        IOException later = assertThrows(IOException.class, () -> serializer.deserialize(4, bytes));
        assertEquals(
                "the checkpoint has segments to commit of version 4, and this Pinotage knows 3: go on with the Pinotage that wrote it, or a"
                        + " later one",
                later.getMessage());
        assertThrows(IOException.class, () -> serializer.deserialize(0, bytes));
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(IOException.class, () -> serializer.deserialize(3, cut));
        }
    }
}
