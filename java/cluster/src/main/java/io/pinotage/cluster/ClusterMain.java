package io.pinotage.cluster;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.TimeZone;
import org.apache.commons.io.FileUtils;

/**
 * The command line: starts a cluster, prints its addresses, waits. No class of Pinot is loaded before the logs have their
 * file.
 */
public final class ClusterMain {
  private ClusterMain() {
  }

  public static void main(String[] args) {
    InputStream in = System.in;
    PrintStream out = System.out;
    PrintStream err = System.err;
    try {
      Settings settings = Settings.parse(args);
      TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
      logTo(settings.folder());
      endWith(in, settings);
      out.println(Cluster.start(settings).toJson());
      out.flush();
    } catch (IllegalArgumentException e) {
      err.println(e.getMessage());
      halt(2);
    } catch (Throwable e) {
      e.printStackTrace(err);
      halt(1);
    }
  }

  /** Standard output has to stay one line of JSON, whatever a library prints. */
  private static void logTo(File folder) throws IOException {
    Files.createDirectories(folder.toPath());
    System.setProperty("pinotage.cluster.log", new File(folder, "cluster.log").getPath());
    FileOutputStream file = new FileOutputStream(new File(folder, "console.log"), true);
    PrintStream console = new PrintStream(file, true, StandardCharsets.UTF_8);
    System.setOut(console);
    System.setErr(console);
  }

  /** Whoever started this process holds the other end: when it dies, however it dies, the stream ends. */
  private static void endWith(InputStream in, Settings settings) {
    Thread watch = new Thread(() -> {
      try {
        while (in.read() >= 0) {
          // Nothing is expected.
        }
      } catch (IOException e) {
        // As good as the end.
      }
      if (settings.remove()) {
        FileUtils.deleteQuietly(settings.folder());
      }
      halt(0);
    }, "end-with-stdin");
    watch.setDaemon(true);
    watch.start();
  }

  /** No orderly shutdown: it takes seconds, and nothing here outlives its test. */
  private static void halt(int code) {
    Runtime.getRuntime().halt(code);
  }
}
