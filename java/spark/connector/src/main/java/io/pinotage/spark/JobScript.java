package io.pinotage.spark;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** What a {@link JobRunner} is to do, as the command writes it: properties in UTF-8. */
final class JobScript {
    private static final String PATH = "source.path.";

    private final Properties properties = new Properties();

    private JobScript() {}

    /**
     * Reads a script. The one that a command next to it holds is removed: it may have secrets.
     *
     * @param place where it is, or where it was when Spark took it along
     */
    static JobScript read(String place) throws IOException {
        Path file = Paths.get(place);
        // Clusters put files into the working folder.
        Path found = Files.exists(file) ? file : Paths.get(file.getFileName().toString());
        JobScript script = new JobScript();
        try (Reader reader = Files.newBufferedReader(found, StandardCharsets.UTF_8)) {
            script.properties.load(reader);
        }
        if (script.isWatched()) {
            Files.delete(found);
        }
        return script;
    }

    /** A value; null when it is not there. */
    String get(String name) {
        return properties.getProperty(name);
    }

    /** Somebody holds the runner's standard input, and ends it to stop the job. */
    boolean isWatched() {
        return "true".equals(get("watched"));
    }

    /** The values whose names begin so, by the rest of them. */
    Map<String, String> below(String prefix) {
        Map<String, String> found = new TreeMap<>();
        for (String name : properties.stringPropertyNames()) {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), get(name));
            }
        }
        return found;
    }

    /** Spark's configuration. */
    Map<String, String> settings() {
        return below("set.");
    }

    /** The files of the source. */
    String[] paths() {
        String[] paths = new String[below(PATH).size()];
        for (int at = 0; at < paths.length; at++) {
            paths[at] = get(PATH + at);
        }
        return paths;
    }
}
