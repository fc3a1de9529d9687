package io.pinotage.arrow;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.NativeBatch;
import io.pinotage.jni.NativeMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/**
 * The structs of Arrow's C data interface, as they lie in memory of 64-bit machines. Not for use outside of Pinotage's own
 * modules; {@code docs/contributing/ffi.md} says who owns what.
 */
public final class CData {
    static final int SCHEMA_BYTES = 72;
    static final int SCHEMA_FORMAT = 0;
    static final int SCHEMA_NAME = 8;
    static final int SCHEMA_METADATA = 16;
    static final int SCHEMA_FLAGS = 24;
    static final int SCHEMA_NUM_CHILDREN = 32;
    static final int SCHEMA_CHILDREN = 40;
    static final int SCHEMA_DICTIONARY = 48;
    static final int SCHEMA_RELEASE = 56;
    static final int SCHEMA_PRIVATE = 64;

    static final int ARRAY_BYTES = 80;
    static final int ARRAY_LENGTH = 0;
    static final int ARRAY_NULL_COUNT = 8;
    static final int ARRAY_OFFSET = 16;
    static final int ARRAY_NUM_BUFFERS = 24;
    static final int ARRAY_NUM_CHILDREN = 32;
    static final int ARRAY_BUFFERS = 40;
    static final int ARRAY_CHILDREN = 48;
    static final int ARRAY_DICTIONARY = 56;
    static final int ARRAY_RELEASE = 64;
    static final int ARRAY_PRIVATE = 72;

    private static final long NULLABLE = 2;
    private static final int POINTER = 8;
    private static final int LONGEST_TEXT = 1 << 16;

    /** The functions that release what Java makes: a schema, an array, and children of either, which their root frees. */
    private static final class Callbacks {
        static final long[] ADDRESSES = NativeBatch.releaseCallbacks();
    }

    private CData() {}

    static long releaseSchema() {
        return Callbacks.ADDRESSES[0];
    }

    static long releaseArray() {
        return Callbacks.ADDRESSES[1];
    }

    private static long releaseChildSchema() {
        return Callbacks.ADDRESSES[2];
    }

    static long releaseChildArray() {
        return Callbacks.ADDRESSES[3];
    }

    /** Bytes at an address. */
    static ByteBuffer at(long address, long bytes) {
        return NativeMemory.buffer(address, bytes).order(ByteOrder.nativeOrder());
    }

    /**
     * Gives a schema to native code for the length of a call.
     *
     * @param use gets the handle of the imported schema
     */
    public static <T> T withSchema(ArrowSchema schema, LongFunction<T> use) {
        long handle = importSchema(schema);
        try {
            return use.apply(handle);
        } finally {
            NativeBatch.closeSchema(handle);
        }
    }

    static long importSchema(ArrowSchema schema) {
        long address = write(ArrowField.of("", ArrowType.STRUCT, false, schema.fields()));
        try {
            return NativeBatch.importSchema(address);
        } finally {
            // Moved by now; or, after an error, released by whom it was given to.
            NativeMemory.free(address);
        }
    }

    /** Writes a schema: the struct in a block of its own, all that it refers to in another, which its release frees. */
    private static long write(ArrowField root) {
        int size = size(root) - SCHEMA_BYTES;
        long struct = NativeMemory.allocate(SCHEMA_BYTES);
        long rest = NativeMemory.allocate(size);
        ByteBuffer body = at(rest, size);
        ByteBuffer head = at(struct, SCHEMA_BYTES);
        write(root, head, 0, body, rest);
        head.putLong(SCHEMA_RELEASE, releaseSchema());
        head.putLong(SCHEMA_PRIVATE, rest);
        return struct;
    }

    private static int size(ArrowField field) {
        int size = SCHEMA_BYTES + text(field.type().format()).length + text(field.name()).length + 2 + 2 * POINTER;
        for (ArrowField child : field.children()) {
            size += POINTER + size(child);
        }
        return size;
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Writes a field to {@code at} of {@code to}, and what it refers to behind the position of {@code body}. */
    private static void write(ArrowField field, ByteBuffer to, int at, ByteBuffer body, long base) {
        to.putLong(at + SCHEMA_FORMAT, put(field.type().format(), body, base));
        to.putLong(at + SCHEMA_NAME, put(field.name(), body, base));
        to.putLong(at + SCHEMA_METADATA, 0);
        to.putLong(at + SCHEMA_FLAGS, field.nullable() ? NULLABLE : 0);
        to.putLong(at + SCHEMA_NUM_CHILDREN, field.children().size());
        to.putLong(at + SCHEMA_DICTIONARY, 0);
        to.putLong(at + SCHEMA_RELEASE, releaseChildSchema());
        to.putLong(at + SCHEMA_PRIVATE, 0);
        align(body);
        int pointers = body.position();
        int structs = pointers + field.children().size() * POINTER;
        body.position(structs + field.children().size() * SCHEMA_BYTES);
        to.putLong(at + SCHEMA_CHILDREN, field.children().isEmpty() ? 0 : base + pointers);
        for (int i = 0; i < field.children().size(); i++) {
            int child = structs + i * SCHEMA_BYTES;
            body.putLong(pointers + i * POINTER, base + child);
            write(field.children().get(i), body, child, body, base);
        }
    }

    private static long put(String text, ByteBuffer body, long base) {
        long address = base + body.position();
        body.put(text(text)).put((byte) 0);
        return address;
    }

    private static void align(ByteBuffer body) {
        body.position((body.position() + POINTER - 1) & -POINTER);
    }

    /**
     * Reads a schema that native code writes.
     *
     * @param export gets the address to which it writes an {@code ArrowSchema}
     */
    public static ArrowSchema readSchema(LongConsumer export) {
        long struct = NativeMemory.allocate(SCHEMA_BYTES);
        try {
            export.accept(struct);
            try {
                return new ArrowSchema(read(struct).children());
            } finally {
                NativeBatch.releaseSchema(struct);
            }
        } finally {
            NativeMemory.free(struct);
        }
    }

    private static ArrowField read(long address) {
        ByteBuffer struct = at(address, SCHEMA_BYTES);
        String format = readText(struct.getLong(SCHEMA_FORMAT));
        String name = readText(struct.getLong(SCHEMA_NAME));
        ArrowType type = ArrowType.ofFormat(format);
        if (type == null || struct.getLong(SCHEMA_DICTIONARY) != 0) {
            throw new PinotageException(
                    ErrorKind.UNEXPECTED, "column `" + name + "` comes in the form " + format, "please report it");
        }
        int count = (int) struct.getLong(SCHEMA_NUM_CHILDREN);
        List<ArrowField> children = new ArrayList<>(count);
        if (count > 0) {
            ByteBuffer pointers = at(struct.getLong(SCHEMA_CHILDREN), (long) count * POINTER);
            for (int i = 0; i < count; i++) {
                children.add(read(pointers.getLong(i * POINTER)));
            }
        }
        return ArrowField.of(name, type, (struct.getLong(SCHEMA_FLAGS) & NULLABLE) != 0, children);
    }

    private static String readText(long address) {
        if (address == 0) {
            return "";
        }
        ByteBuffer bytes = at(address, LONGEST_TEXT);
        int length = 0;
        while (bytes.get(length) != 0) {
            length++;
        }
        byte[] text = new byte[length];
        bytes.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }
}
