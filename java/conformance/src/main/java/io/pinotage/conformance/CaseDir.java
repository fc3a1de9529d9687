package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.utils.JsonUtils;
import org.apache.pinot.spi.utils.TimestampIndexUtils;
import org.apache.pinot.spi.utils.builder.TableNameBuilder;

/**
 * One case of the exchange folder: the files that the Rust test kit and the judge share. The contract is written down
 * in this module's README.
 *
 * <p>Drives Pinot's {@link Schema} and {@link TableConfig} parsers.
 */
final class CaseDir {
  private static final ObjectMapper JSON = new ObjectMapper();

  final File dir;
  final String name;
  final Schema schema;
  final TableConfig table;
  /** Rows may be in another order in the two segments, because the table names a sorted column. */
  final boolean sorted;
  /** The expected values differ from Pinot's own on purpose: only report it. */
  final boolean lossyConversions;
  /** A server is expected to add what was left out: only report rewritten files. */
  final boolean serverBuilds;
  /** The segment has none of the configured star-trees, and servers that are not told to build them do not. */
  final boolean starTreesLeft;
  final String segmentName;

  CaseDir(File dir) throws IOException {
    this.dir = dir;
    this.name = dir.getName();
    this.schema = Schema.fromFile(file("schema.json"));
    this.table = JsonUtils.fileToObject(file("table.json"), TableConfig.class);
    TimestampIndexUtils.applyTimestampIndex(table, schema);
    JsonNode options = file("case.json").isFile() ? JSON.readTree(file("case.json")) : JSON.createObjectNode();
    this.sorted = options.path("sorted").asBoolean(false);
    this.lossyConversions = options.path("lossyConversions").asBoolean(false);
    this.serverBuilds = options.path("serverBuilds").asBoolean(false);
    this.starTreesLeft = options.path("starTreesLeft").asBoolean(false);
    this.segmentName = options.path("segmentName").asText(rawTableName() + "_0");
  }

  /** The named cases under a root, or all of them, by name. */
  static List<File> find(File root, List<String> names) throws IOException {
    List<File> found = new ArrayList<>();
    if (!names.isEmpty()) {
      for (String name : names) {
        File dir = new File(root, name);
        if (!new File(dir, "schema.json").isFile()) {
          throw new IOException("no case " + name + " in " + root);
        }
        found.add(dir);
      }
      return found;
    }
    File[] dirs = root.listFiles(f -> new File(f, "schema.json").isFile());
    if (dirs == null || dirs.length == 0) {
      throw new IOException("no case in " + root + ": a case is a folder with a schema.json");
    }
    Arrays.sort(dirs);
    found.addAll(Arrays.asList(dirs));
    return found;
  }

  File file(String name) {
    return new File(dir, name);
  }

  File input() {
    return file("input.jsonl");
  }

  File expected() {
    return file("expected.jsonl");
  }

  String rawTableName() {
    return TableNameBuilder.extractRawTableName(table.getTableName());
  }

  /** The only sub-folder of {@code ours} or {@code theirs}; null when there is none. */
  File segment(String whose) throws IOException {
    File[] dirs = file(whose).listFiles(File::isDirectory);
    if (dirs == null || dirs.length == 0) {
      return null;
    }
    if (dirs.length > 1) {
      throw new IOException(file(whose) + " holds " + dirs.length + " folders, one segment was expected");
    }
    return dirs[0];
  }

  /** The archive beside our segment; null when there is none. */
  File archive() {
    File[] files = file("ours").listFiles(f -> f.getName().endsWith(".tar.gz"));
    return files == null || files.length == 0 ? null : files[0];
  }
}
