package io.pinotage.conformance;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.segment.spi.ImmutableSegment;

/**
 * A segment opened as a server opens it: copied, run through {@code SegmentPreProcessor} by
 * {@link ImmutableSegmentLoader}, memory-mapped. Closing removes the copy.
 */
final class ServerLoad implements AutoCloseable {
  private static final String[] OURS = {"columns.psf", "index_map", "metadata.properties", "creation.meta",
      "star_tree_index", "star_tree_index_map"};

  private final File temp;
  final File dir;
  final ImmutableSegment segment;

  private ServerLoad(File temp, File dir, ImmutableSegment segment) {
    this.temp = temp;
    this.dir = dir;
    this.segment = segment;
  }

  static ServerLoad open(File segmentDir, CaseDir c) throws Exception {
    File temp = Files.createTempDirectory("conformance").toFile();
    try {
      File copy = new File(temp, segmentDir.getName());
      FileUtils.copyDirectory(segmentDir, copy);
      return new ServerLoad(temp, copy, load(copy, c));
    } catch (Exception | Error e) {
      FileUtils.deleteQuietly(temp);
      throw e;
    }
  }

  static ImmutableSegment load(File dir, CaseDir c) throws Exception {
    return ImmutableSegmentLoader.load(dir, new IndexLoadingConfig(c.table, c.schema));
  }

  /** Every file must be as it was: the server found nothing to add, convert or correct. */
  void checkUntouched(File original, Report report, boolean onlyNote) throws IOException {
    File before = new File(original, "v3");
    File after = new File(dir, "v3");
    for (String name : OURS) {
      File a = new File(before, name);
      File b = new File(after, name);
      if (!a.isFile() && !b.isFile()) {
        continue;
      }
      boolean same = a.isFile() && b.isFile() && FileUtils.contentEquals(a, b);
      String wrong = "the server rewrote v3/" + name + firstDifference(a, b);
      if (onlyNote && !same) {
        report.note(wrong);
      } else {
        report.that(same, wrong);
      }
    }
    String[] left = before.list();
    String[] right = after.list();
    if (left != null && right != null && !onlyNote) {
      Arrays.sort(left);
      Arrays.sort(right);
      report.equal("files of the folder v3 after loading", Arrays.toString(left), Arrays.toString(right));
    }
  }

  private static String firstDifference(File a, File b) throws IOException {
    if (!a.isFile() || !b.isFile() || !a.getName().matches("metadata.properties|.*index_map")) {
      return "";
    }
    java.util.Set<String> old = new java.util.HashSet<>(Files.readAllLines(a.toPath()));
    for (String line : Files.readAllLines(b.toPath())) {
      if (!old.contains(line)) {
        return ", now with: " + line;
      }
    }
    return ", the same lines in another order or fewer of them";
  }

  @Override
  public void close() {
    segment.destroy();
    FileUtils.deleteQuietly(temp);
  }
}
