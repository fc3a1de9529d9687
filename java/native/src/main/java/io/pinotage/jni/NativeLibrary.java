package io.pinotage.jni;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Locale;

/**
 * Finds and loads the native library, once a class loader: the file that {@code -Dpinotage.library} names, else
 * {@code libpinotage.so} of {@code java.library.path}, else the one in the jar, which is unpacked to a file that no other
 * class loader has and that is removed as soon as it is loaded.
 */
public final class NativeLibrary {
    /** The version of what Java and the library say to each other; both sides have it. */
    static final int INTERFACE = 1;

    private static final String NAME = "pinotage";

    private static PinotageException failure;
    private static boolean loaded;

    private NativeLibrary() {}

    /**
     * Loads the library, unless that is done.
     *
     * @throws PinotageException {@code not-found} when there is none for this machine; {@code unsupported} when it cannot be
     *     loaded or is of another version
     */
    public static synchronized void load() {
        if (loaded) {
            return;
        }
        if (failure == null) {
            try {
                find();
                check();
                loaded = true;
                return;
            } catch (PinotageException error) {
                failure = error;
            }
        }
        throw new PinotageException(failure.kind(), failure.getMessage(), failure.advice());
    }

    /** The version of the library, such as {@code 0.1.0}. */
    public static String version() {
        load();
        return libraryVersion();
    }

    /** Threads that the library has now. There are none when all handles are closed. */
    public static int threads() {
        load();
        return libraryThreads();
    }

    private static void find() {
        String given = System.getProperty("pinotage.library");
        if (given != null) {
            link(Paths.get(given).toAbsolutePath());
            return;
        }
        String file = System.mapLibraryName(NAME);
        for (String folder : System.getProperty("java.library.path", "").split(java.io.File.pathSeparator)) {
            Path path = Paths.get(folder, file).toAbsolutePath();
            if (!folder.isEmpty() && Files.isRegularFile(path)) {
                link(path);
                return;
            }
        }
        unpack(file);
    }

    private static void unpack(String file) {
        String platform = platform();
        String resource = "/io/pinotage/native/" + platform + "/" + file;
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new PinotageException(
                        ErrorKind.NOT_FOUND,
                        "this jar has no native library for " + platform,
                        "build it (`cargo build --release -p pinotage-jni`) and name it with -Dpinotage.library");
            }
            Path folder = Files.createTempDirectory("pinotage-");
            Path path = folder.resolve(file);
            try {
                Files.copy(in, path);
                link(path);
            } finally {
                Files.deleteIfExists(path);
                Files.deleteIfExists(folder);
            }
        } catch (IOException error) {
            throw failed("cannot unpack the native library to " + System.getProperty("java.io.tmpdir"), error);
        }
    }

    private static void link(Path path) {
        try {
            System.load(path.toString());
        } catch (UnsatisfiedLinkError error) {
            throw failed("cannot load the native library " + path + ": " + error.getMessage(), error);
        }
    }

    private static void check() {
        int found;
        try {
            found = interfaceVersion();
        } catch (UnsatisfiedLinkError error) {
            throw failed("the library that was found is not Pinotage's: " + error.getMessage(), error);
        }
        if (found != INTERFACE) {
            throw new PinotageException(
                    ErrorKind.UNSUPPORTED,
                    "expected a native library of interface " + INTERFACE + ", found " + found,
                    "take jar and library of the same version; -Dpinotage.library and java.library.path come before the jar");
        }
    }

    private static PinotageException failed(String message, Throwable cause) {
        PinotageException error = new PinotageException(
                ErrorKind.UNSUPPORTED,
                message,
                "it is for x86-64 Linux with glibc 2.28 or later; elsewhere build it and name it with -Dpinotage.library");
        error.initCause(cause);
        return error;
    }

    private static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        String system = os.startsWith("linux") ? "linux" : os.startsWith("mac") ? "macos" : os.replace(' ', '-');
        return system + "-" + (machine.equals("amd64") ? "x86_64" : machine);
    }

    private static native int interfaceVersion();

    private static native String libraryVersion();

    private static native int libraryThreads();
}
