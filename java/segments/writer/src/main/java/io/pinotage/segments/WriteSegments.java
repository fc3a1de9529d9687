package io.pinotage.segments;

import java.io.File;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TimeZone;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.local.segment.creator.impl.SegmentIndexCreationDriverImpl;
import org.apache.pinot.segment.local.segment.readers.GenericRowRecordReader;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.creator.SegmentGeneratorConfig;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.utils.JsonUtils;
import org.apache.pinot.spi.utils.ReadMode;

/**
 * {@code WriteSegments RELEASE ROOT [CASE...]}: has the release of Pinot that is on the class path write a segment of every
 * case that it can write, in the form of {@code testdata/segments}, with its own reading of them as expected rows. The release
 * is named because no release says in its classes which one it is.
 */
public final class WriteSegments {
  private WriteSegments() {
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    File root = new File(args[1]);
    List<String> wanted = Arrays.asList(args).subList(2, args.length);
    boolean right = true;
    for (Case c : Cases.all()) {
      if (older(args[0], c.since) || !wanted.isEmpty() && !wanted.contains(c.name)) {
        continue;
      }
      try {
        write(c, new File(root, c.name));
        System.out.println("made " + c.name);
      } catch (Exception | LinkageError e) {
        right = false;
        System.out.println("FAIL " + c.name);
        e.printStackTrace(System.out);
      }
    }
    // Some releases leave threads behind.
    System.exit(right ? 0 : 1);
  }

  private static void write(Case c, File folder) throws Exception {
    File segments = new File(folder, "segment");
    File temp = new File(folder, "temp");
    Files.createDirectories(temp.toPath());
    Files.writeString(new File(folder, "schema.json").toPath(), c.schema.toString());
    Files.writeString(new File(folder, "table.json").toPath(), c.table.toString());
    Schema schema = Schema.fromString(c.schema.toString());
    TableConfig table = JsonUtils.stringToObject(c.table.toString(), TableConfig.class);
    File built = c.realtime ? Realtime.write(c, table, schema, temp, "t_0") : offline(c, table, schema, temp);
    Files.createDirectories(segments.toPath());
    File segment = new File(segments, "t_0");
    Files.move(built.toPath(), segment.toPath());
    delete(temp);
    File expected = new File(folder, "expected.jsonl");
    if (c.asGiven) {
      Dump.input(c, expected);
      return;
    }
    IndexSegment loaded = ImmutableSegmentLoader.load(segment, ReadMode.heap);
    try {
      Dump.segment(loaded, expected);
    } finally {
      loaded.destroy();
    }
  }

  private static File offline(Case c, TableConfig table, Schema schema, File folder) throws Exception {
    List<GenericRow> rows = new ArrayList<>();
    for (int i = 0; i < c.rows; i++) {
      rows.add(c.row(i));
    }
    SegmentGeneratorConfig config = new SegmentGeneratorConfig(table, schema);
    config.setOutDir(folder.getPath());
    config.setSegmentName("t_0");
    config.setSegmentVersion(c.version);
    SegmentIndexCreationDriverImpl driver = new SegmentIndexCreationDriverImpl();
    driver.init(config, new GenericRowRecordReader(rows));
    driver.build();
    return driver.getOutputDirectory();
  }

  private static boolean older(String release, String than) {
    return Arrays.compare(numbers(release), numbers(than)) < 0;
  }

  private static int[] numbers(String release) {
    return Arrays.stream(release.split("\\.")).mapToInt(Integer::parseInt).toArray();
  }

  private static void delete(File folder) throws Exception {
    try (java.util.stream.Stream<java.nio.file.Path> paths = Files.walk(folder.toPath())) {
      for (java.nio.file.Path path : (Iterable<java.nio.file.Path>) paths.sorted(Comparator.reverseOrder())::iterator) {
        Files.delete(path);
      }
    }
  }
}
