package io.pinotage.sink;

/** The hash functions of Pinot's partition functions and of Kafka's partitioner. */
final class Hashes {
    private Hashes() {}

    private static int word(byte[] data, int at) {
        return data[at] & 0xff | (data[at + 1] & 0xff) << 8 | (data[at + 2] & 0xff) << 16 | data[at + 3] << 24;
    }

    /** Kafka's MurmurHash2. */
    static int murmur2(byte[] data) {
        int m = 0x5bd1e995;
        int hash = 0x9747b28c ^ data.length;
        int words = data.length & -4;
        for (int i = 0; i < words; i += 4) {
            int k = word(data, i) * m;
            k = (k ^ k >>> 24) * m;
            hash = hash * m ^ k;
        }
        if (words < data.length) {
            for (int i = words; i < data.length; i++) {
                hash ^= (data[i] & 0xff) << 8 * (i - words);
            }
            hash *= m;
        }
        hash = (hash ^ hash >>> 13) * m;
        return hash ^ hash >>> 15;
    }

    /** Murmur3 of 32 bits for x86. */
    static int murmur3(byte[] data, int seed) {
        int hash = seed;
        int words = data.length & -4;
        for (int i = 0; i < words; i += 4) {
            hash = Integer.rotateLeft(hash ^ mix(word(data, i)), 13) * 5 + 0xe6546b64;
        }
        if (words < data.length) {
            int k = 0;
            for (int i = words; i < data.length; i++) {
                k |= (data[i] & 0xff) << 8 * (i - words);
            }
            hash ^= mix(k);
        }
        hash ^= data.length;
        hash = (hash ^ hash >>> 16) * 0x85ebca6b;
        hash = (hash ^ hash >>> 13) * 0xc2b2ae35;
        return hash ^ hash >>> 16;
    }

    private static int mix(int k) {
        return Integer.rotateLeft(k * 0xcc9e2d51, 15) * 0x1b873593;
    }

    /** The upper 32 bits of the variant of Murmur3 of Infinispan and Debezium. */
    static int murmur3X64(byte[] data, int seed) {
        Wide state = new Wide(seed);
        int blocks = data.length & -16;
        for (int i = 0; i < blocks; i += 16) {
            state.block(number(data, i, 8, false), number(data, i + 8, 8, false));
        }
        int tail = data.length - blocks;
        if (tail > 0) {
            state.block(
                    number(data, blocks, Math.min(8, tail), true), number(data, blocks + 8, Math.max(0, tail - 8), true));
        }
        return (int) (state.finish(data.length) >>> 32);
    }

    private static long number(byte[] data, int start, int count, boolean signed) {
        long number = 0;
        for (int i = 0; i < count; i++) {
            // The tail's bytes have their sign extended before they are shifted.
            long value = signed ? data[start + i] : data[start + i] & 0xffL;
            number ^= value << 8 * i;
        }
        return number;
    }

    private static final class Wide {
        private long h1;
        private long h2;
        private long c1 = 0x87c37b91114253d5L;
        private long c2 = 0x4cf5ad432745937fL;

        Wide(long seed) {
            h1 = 0x9368e53c2f6af274L ^ seed;
            h2 = 0x586dcd208f7cd3fdL ^ seed;
        }

        void block(long k1, long k2) {
            h1 ^= Long.rotateLeft(k1 * c1, 23) * c2;
            h1 += h2;
            h2 = Long.rotateLeft(h2, 41);
            h2 ^= Long.rotateLeft(k2 * c2, 23) * c1;
            h2 += h1;
            h1 = h1 * 3 + 0x52dce729;
            h2 = h2 * 3 + 0x38495ab5;
            c1 = c1 * 5 + 0x7b7d159c;
            c2 = c2 * 5 + 0x6bce6396;
        }

        long finish(int length) {
            h2 ^= length;
            h1 += h2;
            h2 += h1;
            return end(h1) + end(h2);
        }

        private static long end(long h) {
            long hash = (h ^ h >>> 33) * 0xff51afd7ed558ccdL;
            hash = (hash ^ hash >>> 33) * 0xc4ceb9fe1a85ec53L;
            return hash ^ hash >>> 33;
        }
    }
}
