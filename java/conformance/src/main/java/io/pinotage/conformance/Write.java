package io.pinotage.conformance;

import java.io.File;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.spi.ImmutableSegment;

/**
 * {@code write}: Pinot's own segment of each case, its dump, and the proof that the expected values are what Pinot makes
 * of the input.
 */
final class Write {
  private Write() {
  }

  static int run(List<File> dirs) {
    int failed = 0;
    for (File dir : dirs) {
      Report report = new Report(dir.getName());
      int[] size = {0, 0};
      try {
        CaseDir c = new CaseDir(dir);
        build(c);
        if (c.expected().isFile()) {
          compare(c, report, size);
        } else {
          report.note("no expected.jsonl, nothing compared");
        }
      } catch (Exception | LinkageError e) {
        report.fail(Conformance.describe(e));
      }
      report.print(size[0], size[1]);
      failed += report.ok() ? 0 : 1;
    }
    System.out.println((dirs.size() - failed) + " passed, " + failed + " failed");
    return failed;
  }

  /** Writes {@code theirs} and {@code theirs.jsonl}. */
  static void build(CaseDir c) throws Exception {
    FileUtils.deleteDirectory(c.file("theirs"));
    File segment = PinotWriter.write(c.table, c.schema, new InputReader(c.input()), c.file("theirs"), c.segmentName);
    try (Writer out = Files.newBufferedWriter(c.file("theirs.jsonl").toPath(), StandardCharsets.UTF_8)) {
      dump(segment, c, out);
    }
  }

  static void dump(File segmentDir, CaseDir c, Writer out) throws Exception {
    ImmutableSegment segment =
        ImmutableSegmentLoader.load(segmentDir, new IndexLoadingConfig(c.table, c.schema), false);
    try {
      SegmentDump.write(segment, c.schema, out);
    } finally {
      segment.destroy();
    }
  }

  static void compare(CaseDir c, Report report, int[] size) throws Exception {
    ExpectedTable expected = ExpectedTable.read(c.expected(), c.schema);
    ExpectedTable found = ExpectedTable.read(c.file("theirs.jsonl"), c.schema);
    size[0] = expected.rows;
    size[1] = expected.columns.size();
    Report differences = new Report(c.name);
    differences.equal("number of rows", expected.rows, found.rows);
    if (expected.rows == found.rows) {
      if (c.sorted) {
        TableDiff.asSets(expected, found, differences);
      } else {
        TableDiff.rowByRow(expected, found, differences);
      }
    }
    report.checked((long) expected.rows * expected.columns.size());
    for (String difference : differences.failures()) {
      if (c.lossyConversions) {
        report.note(difference);
      } else {
        report.fail(difference);
      }
    }
  }
}
