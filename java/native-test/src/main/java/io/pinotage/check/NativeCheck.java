package io.pinotage.check;

import io.pinotage.jni.NativeLibrary;
import java.util.Arrays;

/** Runs one of the checks, and ends with an exception when it does not hold. */
public final class NativeCheck {
    private NativeCheck() {}

    /** The check's name and its arguments. */
    public static void main(String[] arguments) throws Exception {
        String[] rest = Arrays.copyOfRange(arguments, 1, arguments.length);
        switch (arguments[0]) {
            case "types":
                Types.run();
                break;
            case "leaks":
                Leaks.run(Integer.parseInt(rest[0]));
                break;
            case "errors":
                Errors.run(rest[0]);
                break;
            case "partitions":
                Partitions.run(rest[0], Integer.parseInt(rest[1]));
                break;
            case "write":
                Write.run(rest[0], Integer.parseInt(rest[1]));
                break;
            case "loaders":
                Loaders.run(Integer.parseInt(rest[0]), rest[1]);
                break;
            case "old-bytes":
                OldBytes.run(rest[0]);
                break;
            case "unloadable":
                Unloadable.run(rest[0], rest[1]);
                break;
            case "upsert":
                Upsert.run(rest[0], Integer.parseInt(rest[1]), Integer.parseInt(rest[2]), Long.parseLong(rest[3]));
                break;
            case "threads":
                Threads.run(rest[0]);
                break;
            case "read":
                Read.run(rest);
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        System.out.println("holds");
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    /** All threads were joined; the system takes a moment to forget one that has ended. */
    static void noThreads() throws InterruptedException {
        for (int i = 0; i < 500 && NativeLibrary.threads() > 0; i++) {
            Thread.sleep(10);
        }
        equal(0, NativeLibrary.threads(), "threads after the last handle");
    }

    static void equal(Object expected, Object found, String what) {
        if (!java.util.Objects.deepEquals(expected, found)) {
            throw new AssertionError(what + ": expected " + text(expected) + ", found " + text(found));
        }
    }

    private static String text(Object value) {
        return value instanceof byte[] ? Arrays.toString((byte[]) value) : String.valueOf(value);
    }
}
