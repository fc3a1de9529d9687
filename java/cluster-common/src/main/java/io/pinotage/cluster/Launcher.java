package io.pinotage.cluster;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.TimeZone;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Stream;

/** The command line: starts a cluster, prints its addresses, obeys the lines of standard input. */
public final class Launcher {
  private Launcher() {
  }

  /** No class of Pinot may have been initialised before: only here the logs get their file. */
  public static void launch(String[] args, Pinot pinot) {
    InputStream in = System.in;
    PrintStream out = System.out;
    PrintStream err = System.err;
    try {
      Settings settings = Settings.parse(args);
      TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
      logTo(settings.folder());
      BlockingQueue<String> commands = new LinkedBlockingQueue<>();
      read(in, commands, settings);
      Cluster cluster = Cluster.start(pinot, settings);
      out.println(cluster.toJson());
      out.flush();
      while (true) {
        out.println(cluster.run(commands.take()));
        out.flush();
      }
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

  /** Whoever started this process holds the other end: when it dies, however it dies, the stream ends, and so do we. */
  private static void read(InputStream in, BlockingQueue<String> commands, Settings settings) {
    Thread reader = new Thread(() -> {
      try (BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          commands.add(line);
        }
      } catch (IOException e) {
        // As good as the end.
      }
      if (settings.remove()) {
        delete(settings.folder().toPath());
      }
      halt(0);
    }, "commands");
    reader.setDaemon(true);
    reader.start();
  }

  /** As far as possible: parts of Pinot are still writing. */
  private static void delete(Path folder) {
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    } catch (IOException | UncheckedIOException e) {
      return;
    }
    for (Path path : paths) {
      path.toFile().delete();
    }
  }

  /** No orderly shutdown: it takes seconds, and nothing here outlives its test. */
  private static void halt(int code) {
    Runtime.getRuntime().halt(code);
  }
}
