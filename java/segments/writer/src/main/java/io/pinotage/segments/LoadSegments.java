package io.pinotage.segments;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.TreeMap;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.segment.spi.ImmutableSegment;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.utils.JsonUtils;

/**
 * {@code LoadSegments ROOT}: has the release of Pinot that is on the class path load segments of ours as its servers do. Each
 * folder below ROOT has {@code schema.json}, {@code table.json} and {@code segment/t_0}; it gets {@code found.jsonl}, the rows
 * as the release reads them, and {@code indexes.json}, which kinds of indexes it found of each column. What is wrong is
 * printed, a line each: a file that the server changed, unless the folder has {@code builds}, and an index that does not say
 * what the rows say.
 */
public final class LoadSegments {
  private static final ObjectMapper JSON = new ObjectMapper();

  private LoadSegments() {
  }

  public static void main(String[] args) throws Exception {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    File[] folders = new File(args[0]).listFiles();
    Arrays.sort(folders);
    boolean right = true;
    for (File folder : folders) {
      try {
        for (String wrong : load(folder)) {
          right = false;
          System.out.println("FAIL " + folder.getName() + ": " + wrong);
        }
      } catch (Exception | LinkageError e) {
        right = false;
        System.out.println("FAIL " + folder.getName() + ": " + e);
        e.printStackTrace();
      }
    }
    // Some releases leave threads behind.
    System.exit(right ? 0 : 1);
  }

  private static Iterable<String> load(File folder) throws Exception {
    Schema schema = Schema.fromString(Files.readString(new File(folder, "schema.json").toPath()));
    TableConfig table = JsonUtils.stringToObject(Files.readString(new File(folder, "table.json").toPath()), TableConfig.class);
    File segment = new File(folder, "segment/t_0");
    Map<String, Integer> before = files(segment);
    List<String> map = map(segment);
    ImmutableSegment loaded = asAServer(segment, table, schema);
    try {
      IndexCheck check = new IndexCheck(loaded);
      if (!new File(folder, "builds").exists() && !before.equals(files(segment))) {
        List<String> gone = new ArrayList<>(map);
        gone.removeAll(map(segment));
        List<String> added = map(segment);
        added.removeAll(map);
        check.wrong.add("loading changed the files " + before.keySet() + ", now " + files(segment).keySet() + "; gone " + gone + ", added " + added);
      }
      Dump.segment(loaded, new File(folder, "found.jsonl"));
      ObjectNode indexes = JSON.createObjectNode();
      for (String column : loaded.getPhysicalColumnNames()) {
        indexes.set(column, JSON.valueToTree(check.column(column)));
      }
      StarTreeCheck.check(loaded, check.wrong);
      Files.writeString(new File(folder, "indexes.json").toPath(), indexes.toString());
      return check.wrong;
    } finally {
      loaded.destroy();
    }
  }

  /** With everything that servers do to a segment that they get; the releases have other methods for it. */
  private static ImmutableSegment asAServer(File segment, TableConfig table, Schema schema) throws Exception {
    IndexLoadingConfig config = Realtime.loading(table, schema);
    Method old = null;
    Method plain = null;
    for (Method method : ImmutableSegmentLoader.class.getMethods()) {
      Class<?>[] takes = method.getParameterTypes();
      boolean it = method.getName().equals("load") && takes.length >= 2 && takes[0] == File.class && takes[1] == IndexLoadingConfig.class;
      if (it && takes.length == 2) {
        plain = method;
      } else if (it && takes.length == 3 && takes[2] == Schema.class) {
        old = method;
      }
    }
    return (ImmutableSegment) (old == null ? plain.invoke(null, segment, config) : old.invoke(null, segment, config, schema));
  }

  /** The indexes of the segment. */
  private static List<String> map(File segment) throws IOException {
    List<String> names = new ArrayList<>();
    for (String line : Files.readAllLines(new File(segment, "v3/index_map").toPath())) {
      if (line.contains(".size")) {
        names.add(line.replace(".size", ""));
      }
    }
    return names;
  }

  /** The hash of every file. */
  private static Map<String, Integer> files(File segment) throws IOException {
    Map<String, Integer> files = new TreeMap<>();
    for (File file : new File(segment, "v3").listFiles()) {
      if (file.isFile()) {
        files.put(file.getName(), Arrays.hashCode(Files.readAllBytes(file.toPath())));
      }
    }
    return files;
  }
}
