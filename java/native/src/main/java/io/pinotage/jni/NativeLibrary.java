package io.pinotage.jni;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;

/**
 * Finds and loads the native library, once a class loader: the file that {@code -Dpinotage.library} names, else
 * {@code libpinotage.so} of {@code java.library.path}, else the one in the jar, which is unpacked once a process.
 */
public final class NativeLibrary {
    /** The version of what Java and the library say to each other; both sides have it. */
    static final int INTERFACE = 3;

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
        throw failure;
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
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            Path folder = Files.createTempDirectory("pinotage-");
            Path copy = folder.resolve(file);
            Files.copy(new DigestInputStream(in, digest), copy);
            String property = "io.pinotage.library." + new BigInteger(1, digest.digest()).toString(16);
            // All class loaders have these properties in common.
            synchronized (System.getProperties()) {
                share(folder, copy, property);
            }
        } catch (IOException | NoSuchAlgorithmException error) {
            throw failed("cannot unpack the native library to " + System.getProperty("java.io.tmpdir"), error);
        }
    }

    /** Loads a copy of the library, unless the process has one already: then that is loaded, and the copy goes. */
    private static void share(Path folder, Path copy, String property) throws IOException {
        String known = System.getProperty(property);
        if (known != null && Files.exists(Paths.get(known))) {
            Files.delete(copy);
            Files.delete(folder);
            link(Paths.get(known));
            return;
        }
        System.setProperty(property, copy.toString());
        folder.toFile().deleteOnExit();
        copy.toFile().deleteOnExit();
        link(copy);
    }

    private static void link(Path path) {
        try {
            System.load(path.toString());
        } catch (UnsatisfiedLinkError error) {
            if (String.valueOf(error.getMessage()).contains("already loaded in another classloader")) {
                linkOnceMore(path);
                return;
            }
            throw failed("cannot load the native library " + path + ": " + error.getMessage(), error);
        }
    }

    /**
     * The JVM takes a path for one class loader alone, and what is loaded once stays mapped: each further class loader gets a
     * name of its own for the same file, so that it is in memory, and on disk, once.
     */
    private static void linkOnceMore(Path path) {
        try {
            Path folder = Files.createTempDirectory("pinotage-");
            Path name = folder.resolve(path.getFileName());
            try {
                try {
                    Files.createLink(name, path);
                } catch (IOException | UnsupportedOperationException otherFileSystem) {
                    Files.copy(path, name);
                }
                System.load(name.toString());
            } finally {
                Files.deleteIfExists(name);
                Files.deleteIfExists(folder);
            }
        } catch (IOException | UnsatisfiedLinkError error) {
            throw failed("cannot load the native library " + path + " once more: " + error.getMessage(), error);
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
        return new PinotageException(
                ErrorKind.UNSUPPORTED,
                message,
                "it is for x86-64 Linux with glibc 2.28 or later; elsewhere build it and name it with -Dpinotage.library",
                cause);
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
