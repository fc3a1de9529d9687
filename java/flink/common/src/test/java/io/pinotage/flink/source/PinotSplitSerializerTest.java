package io.pinotage.flink.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pinotage.scan.ScanSplit;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import org.junit.jupiter.api.Test;

class PinotSplitSerializerTest {
    /** Written by version 1: id "7", 5 rows, a split of the bytes 1, 2, 3. */
    private static final byte[] VERSION_1 = {0, 1, '7', 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3, 1, 2, 3};

    private final PinotSplitSerializer splits = new PinotSplitSerializer();
    private final PinotSplitsSerializer plans = new PinotSplitsSerializer();

    @Test
    void bytesOfVersion1AreRead() throws IOException {
        PinotSplit split = splits.deserialize(1, VERSION_1);
        assertEquals("7", split.splitId());
        assertEquals(5, split.rows());
        assertArrayEquals(new byte[] {1, 2, 3}, split.split().toBytes());
        assertArrayEquals(VERSION_1, splits.serialize(split));
    }

    @Test
    void aPlanComesBack() throws IOException {
        PinotSplit one = PinotSplit.of("0", ScanSplit.of(new byte[] {9})).after(4);
        PinotSplits read = plans.deserialize(1, plans.serialize(new PinotSplits(true, Arrays.asList(one, one.after(6)))));
        assertTrue(read.isPlanned());
        assertEquals(2, read.waiting().size());
        assertEquals(6, read.waiting().get(1).rows());
        assertEquals(0, plans.deserialize(1, plans.serialize(new PinotSplits(false, Collections.emptyList()))).waiting().size());
    }

    @Test
    void laterVersionsAndCutBytesAreRefused() {
        assertTrue(assertThrows(IOException.class, () -> splits.deserialize(2, VERSION_1)).getMessage().contains("version 2"));
        for (int length = 0; length < VERSION_1.length; length++) {
            byte[] cut = Arrays.copyOf(VERSION_1, length);
            assertThrows(IOException.class, () -> splits.deserialize(1, cut));
        }
    }
}
