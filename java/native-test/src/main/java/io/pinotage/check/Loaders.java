package io.pinotage.check;

import static io.pinotage.check.NativeCheck.check;
import static io.pinotage.check.NativeCheck.equal;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The library out of a jar, in one class loader after the other and in several at once, as jobs of a session come and go. */
final class Loaders {
    private Loaders() {}

    static void run(int loaders, String temporary) throws Exception {
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(java.io.File.pathSeparator)) {
            path.add(Paths.get(entry).toUri().toURL());
        }
        List<URLClassLoader> alive = new ArrayList<>();
        for (int i = 0; i < loaders; i++) {
            URLClassLoader loader =
                    new URLClassLoader(path.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
            Class<?> library = loader.loadClass("io.pinotage.jni.NativeLibrary");
            check(library.getClassLoader() == loader, "a class of another loader");
            check(!((String) library.getMethod("version").invoke(null)).isEmpty(), "version");
            // Errors are of the loader's own class.
            Class<?> table = loader.loadClass("io.pinotage.sink.PinotSinkTable");
            try {
                table.getMethod("of", String.class).invoke(null, "{");
                check(false, "nonsense was taken");
            } catch (java.lang.reflect.InvocationTargetException thrown) {
                Class<?> expected = loader.loadClass("io.pinotage.PinotageException");
                equal(expected, thrown.getCause().getClass(), "class of the error");
            }
            if (i % 2 == 0) {
                loader.close();
            } else {
                alive.add(loader);
            }
        }
        System.gc();
        equal(1, mapped().size(), "files that are mapped: " + mapped());
        try (Stream<Path> files = Files.walk(Paths.get(temporary))) {
            List<Path> left = files.filter(Files::isRegularFile).collect(Collectors.toList());
            equal(1, left.size(), "temporary files: " + left);
        }
        for (URLClassLoader loader : alive) {
            loader.close();
        }
    }

    /** The libraries that are mapped, by inode. */
    private static Set<String> mapped() throws IOException {
        Set<String> inodes = new HashSet<>();
        for (String line : Files.readAllLines(Paths.get("/proc/self/maps"))) {
            if (line.contains("libpinotage")) {
                inodes.add(line.split(" +")[4]);
            }
        }
        return inodes;
    }
}
