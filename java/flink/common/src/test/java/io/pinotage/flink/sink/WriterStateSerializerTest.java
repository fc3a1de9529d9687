package io.pinotage.flink.sink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pinotage.sink.OpenBuffer;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class WriterStateSerializerTest {
    private final WriterStateSerializer serializer = new WriterStateSerializer();

    /** Bytes that checkpoints have, of every version there was. They never change. */
    @Test
    void oldBytesAreRead() throws IOException {
        byte[] one = {0, 2, '0', 'a', 0, 0, 0, 3, 1, 0, 0, 0, 4, 9, 8, 7, 6};
        WriterState state = new WriterState("0a", 3, OpenBuffer.fromBytes(new byte[] {9, 8, 7, 6}));
        assertEquals(state, serializer.deserialize(1, one));
        assertArrayEquals(one, serializer.serialize(state));

        byte[] without = {0, 2, '0', 'a', 0, 0, 0, 3, 0};
        assertEquals(new WriterState("0a", 3, null), serializer.deserialize(1, without));
        assertEquals(1, serializer.getVersion());
    }

    @Test
    void laterAndSpoiltBytesAreRefused() throws IOException {
        byte[] bytes = serializer.serialize(new WriterState("0a", 3, OpenBuffer.fromBytes(new byte[] {9})));
        IOException later = assertThrows(IOException.class, () -> serializer.deserialize(2, bytes));
        assertTrue(later.getMessage().contains("version 2"), later.getMessage());
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(IOException.class, () -> serializer.deserialize(1, cut));
        }
        byte[] more = Arrays.copyOf(bytes, bytes.length + 1);
        assertThrows(IOException.class, () -> serializer.deserialize(1, more));
        byte[] huge = bytes.clone();
        huge[9] = 0x7f;
        assertThrows(IOException.class, () -> serializer.deserialize(1, huge));
    }
}
