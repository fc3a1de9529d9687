package io.pinotage.bench;

import com.sun.management.OperatingSystemMXBean;
import io.pinotage.conformance.PinotWriter;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.utils.JsonUtils;
import org.apache.pinot.spi.utils.builder.TableNameBuilder;

/**
 * Pinot's own segment build ({@code SegmentIndexCreationDriverImpl}) over Parquet files, one segment a file, measured
 * without the reading: each round loads as many files as there are threads, then builds them.
 */
public final class Bench {
  private static final String HELP = String.join("\n",
      "bench --schema F --table F --out DIR [--threads N] PARQUET...",
      "",
      "Builds one segment a Parquet file with Pinot and prints JSON: rows, wall and CPU seconds of the building alone",
      "(reading left out), CPU of the whole process, bytes written, peak resident memory (the loaded rows included).");

  private final List<File> files = new ArrayList<>();
  private File schemaFile;
  private File tableFile;
  private File out;
  private int threads = 1;

  private Bench() {
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    Bench bench = new Bench();
    if (!bench.parse(args)) {
      System.err.println(HELP);
      System.exit(args.length == 1 && args[0].equals("--help") ? 0 : 2);
    }
    int code = 0;
    try {
      System.out.println(bench.run());
    } catch (Exception e) {
      e.printStackTrace();
      code = 1;
    }
    System.exit(code);
  }

  private boolean parse(String[] args) {
    for (int i = 0; i < args.length; i++) {
      if (!args[i].startsWith("--")) {
        files.add(new File(args[i]));
        continue;
      }
      if (i + 1 == args.length) {
        return false;
      }
      String value = args[i + 1];
      switch (args[i++]) {
        case "--schema":
          schemaFile = new File(value);
          break;
        case "--table":
          tableFile = new File(value);
          break;
        case "--out":
          out = new File(value);
          break;
        case "--threads":
          threads = Integer.parseInt(value);
          break;
        default:
          return false;
      }
    }
    return schemaFile != null && tableFile != null && out != null && threads > 0 && !files.isEmpty();
  }

  private String run() throws Exception {
    Schema schema = Schema.fromFile(schemaFile);
    TableConfig table = JsonUtils.fileToObject(tableFile, TableConfig.class);
    String name = TableNameBuilder.extractRawTableName(table.getTableName());
    Files.createDirectories(out.toPath());
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    long rows = 0;
    long wall = 0;
    long cpu = 0;
    for (int first = 0; first < files.size(); first += threads) {
      List<Callable<File>> builds = new ArrayList<>();
      for (int i = first; i < Math.min(first + threads, files.size()); i++) {
        Columns columns = ParquetColumns.load(files.get(i), schema);
        rows += columns.rows;
        String segment = name + "_" + i;
        builds.add(() -> PinotWriter.write(table, schema, new ColumnsReader(columns), out, segment));
      }
      long wallBefore = System.nanoTime();
      long cpuBefore = cpuNanos();
      for (Future<File> built : pool.invokeAll(builds)) {
        built.get();
      }
      cpu += cpuNanos() - cpuBefore;
      wall += System.nanoTime() - wallBefore;
    }
    pool.shutdown();
    return String.format("{\"rows\": %d, \"segments\": %d, \"threads\": %d, \"wall_seconds\": %.3f, "
            + "\"cpu_seconds\": %.3f, \"rows_per_cpu_second\": %.0f, \"process_cpu_seconds\": %.3f, "
            + "\"segment_bytes\": %d, \"peak_rss_bytes\": %d}", rows, files.size(), threads, wall / 1e9, cpu / 1e9,
        rows / (cpu / 1e9), cpuNanos() / 1e9, size(out.toPath()), peakRss());
  }

  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  private static long size(Path dir) throws IOException {
    try (java.util.stream.Stream<Path> files = Files.walk(dir)) {
      return files.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
    }
  }

  /** VmHWM of this process; -1 where there is no /proc. */
  private static long peakRss() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (Files.isReadable(status)) {
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
    }
    return -1;
  }
}
