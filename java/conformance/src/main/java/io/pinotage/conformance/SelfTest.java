package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.common.utils.TarCompressionUtils;

/**
 * {@code selftest}: Pinot's own segments, put forward as ours, must pass; with one cell, one byte or one property changed
 * they must fail. A judge that cannot fail is worth nothing.
 */
final class SelfTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private int passed;
  private int failed;

  private SelfTest() {
  }

  static boolean run() throws Exception {
    File root = Files.createTempDirectory("selftest").toFile();
    SelfTest test = new SelfTest();
    try {
      for (MadeCase made : MadeCases.all()) {
        test.one(made, root);
      }
      System.out.println(test.passed + " passed, " + test.failed + " failed");
      return test.failed == 0;
    } finally {
      FileUtils.deleteQuietly(root);
    }
  }

  private void one(MadeCase made, File root) throws Exception {
    CaseDir c = made.writeTo(root);
    try {
      Write.build(c);
    } catch (Exception e) {
      result(made.name + " write", false, Conformance.describe(e));
      return;
    }
    if (made.isUnreadable()) {
      return;
    }
    restore(c);
    TarCompressionUtils.createCompressedTarFile(c.segment("ours"), new File(c.file("ours"), c.segmentName + ".tar.gz"));
    Report report = judge(c);
    result(made.name + " as Pinot wrote it", report.ok(), String.valueOf(report.failures()));
    if (!report.ok() || made.rows == 0) {
      return;
    }
    for (String column : made.columns()) {
      restore(c);
      damageCell(c, column, made.rows / 2);
      expectFailure(c, "a changed cell of " + column);
      result(c.name + " with a changed cell of " + column + ", queries alone",
          !SelfTestIsolated.queriesAlone(c).ok(), "no query saw it");
    }
    restore(c);
    damageCell(c, made.columns().get(0), 0);
    Report write = new Report(c.name);
    Write.compare(c, write, new int[2]);
    result(c.name + " with an expectation that is not Pinot's", !write.ok(), "write let it pass");
    damageNulls(c, made.columns().get(0));
    expectFailure(c, "a changed null");
    restore(c);
    dropLastRow(c);
    expectFailure(c, "a lost row");
    restore(c);
    new File(c.file("ours"), c.segmentName + ".tar.gz").delete();
    SelfTestIsolated.mend(c.segment("ours"));
    result(c.name + " with its CRCs written again", judge(c).ok(), "the judge refused it");
    SelfTestIsolated.bytes(c, c.segment("theirs")).forEach((kind, names) ->
        result(c.name + " with a changed byte in " + kind, false, "nothing saw it in " + names));
    damageFiles(c, made.columns());
  }

  private void damageFiles(CaseDir c, List<String> columns) throws Exception {
    restore(c);
    flip(new File(c.segment("ours"), "v3/columns.psf"), 8);
    expectFailure(c, "a flipped byte of columns.psf");
    restore(c);
    flip(new File(c.segment("ours"), "v3/creation.meta"), 7);
    expectFailure(c, "another segment CRC");
    restore(c);
    flip(new File(c.segment("ours"), "v3/creation.meta"), 23);
    expectFailure(c, "another data CRC");
    for (String property : new String[]{"cardinality", "isSorted", "maxNumberOfMultiValues", "totalNumberOfEntries",
        "minValue", "maxValue", "dataType"}) {
      restore(c);
      if (damageProperty(c, "column." + columns.get(0) + "." + property)) {
        expectFailure(c, "another " + property);
      }
    }
    File starTrees = new File(c.segment("ours"), "v3/star_tree_index");
    if (starTrees.isFile()) {
      // The value of a node behind the root, and the exponent of the last number.
      for (long at : new long[]{80, starTrees.length() - 7}) {
        restore(c);
        flip(starTrees, at);
        SelfTestIsolated.mend(c.segment("ours"));
        expectFailure(c, "a changed byte " + at + " of the star-tree");
      }
    }
    restore(c);
    expectRebuild(c, columns.get(0));
    FileUtils.deleteDirectory(c.segment("ours"));
    expectFailure(c, "no segment");
  }

  /** A table that asks for an index which the segment does not have: the server builds it, the judge sees that. */
  private void expectRebuild(CaseDir c, String column) throws IOException {
    byte[] before = Files.readAllBytes(c.file("table.json").toPath());
    ObjectNode table = (ObjectNode) JSON.readTree(before);
    ((ObjectNode) table.get("tableIndexConfig")).putArray("bloomFilterColumns").add(column);
    boolean had = new String(before, StandardCharsets.UTF_8).contains("bloomFilterColumns");
    Files.write(c.file("table.json").toPath(), JSON.writeValueAsBytes(table));
    if (!had) {
      expectFailure(new CaseDir(c.dir), "a bloom filter that the server had to build");
    }
    Files.write(c.file("table.json").toPath(), before);
  }

  static Report judge(CaseDir c) {
    Report report = new Report(c.name);
    try {
      Judge.judge(c, report, new int[2]);
    } catch (Exception | LinkageError | AssertionError e) {
      report.fail(Conformance.describe(e));
    }
    return report;
  }

  private void expectFailure(CaseDir c, String what) {
    result(c.name + " with " + what, !judge(c).ok(), "the judge let it pass");
  }

  private void result(String what, boolean right, String detail) {
    if (right) {
      passed++;
    } else {
      failed++;
      System.out.println("FAIL " + what + ": " + detail);
    }
  }

  /** Pinot's segment and dump stand for ours. */
  private static void restore(CaseDir c) throws IOException {
    FileUtils.deleteDirectory(new File(c.file("ours"), c.segmentName));
    FileUtils.copyDirectory(new File(c.file("theirs"), c.segmentName), new File(c.file("ours"), c.segmentName));
    FileUtils.copyFile(c.file("theirs.jsonl"), c.expected());
  }

  private static void damageCell(CaseDir c, String column, int row) throws IOException {
    List<String> lines = Files.readAllLines(c.expected().toPath(), StandardCharsets.UTF_8);
    ObjectNode values = (ObjectNode) JSON.readTree(lines.get(row));
    JsonNode cell = values.get(column);
    if (cell.isArray()) {
      ((ArrayNode) cell).set(cell.size() - 1, other(cell.get(cell.size() - 1)));
    } else {
      values.set(column, other(cell));
    }
    lines.set(row, JSON.writeValueAsString(values));
    Files.write(c.expected().toPath(), lines, StandardCharsets.UTF_8);
  }

  private static JsonNode other(JsonNode value) {
    if (value.isTextual()) {
      // Right for text, hex, numbers in quotes and infinities alike.
      return JSON.getNodeFactory().textNode(value.asText().equals("11") ? "22" : "11");
    }
    return value.isIntegralNumber() ? JSON.getNodeFactory().numberNode(value.intValue() == 1 ? 0 : 1)
        : JSON.getNodeFactory().numberNode(value.doubleValue() + 1024);
  }

  private static void damageNulls(CaseDir c, String column) throws IOException {
    List<String> lines = Files.readAllLines(c.expected().toPath(), StandardCharsets.UTF_8);
    ObjectNode values = (ObjectNode) JSON.readTree(lines.get(0));
    if (values.has("$nulls")) {
      values.remove("$nulls");
    } else {
      values.putArray("$nulls").add(column);
    }
    lines.set(0, JSON.writeValueAsString(values));
    Files.write(c.expected().toPath(), lines, StandardCharsets.UTF_8);
  }

  private static void dropLastRow(CaseDir c) throws IOException {
    List<String> lines = Files.readAllLines(c.expected().toPath(), StandardCharsets.UTF_8);
    Files.write(c.expected().toPath(), lines.subList(0, lines.size() - 1), StandardCharsets.UTF_8);
  }

  private static void flip(File file, long at) throws IOException {
    try (RandomAccessFile f = new RandomAccessFile(file, "rw")) {
      f.seek(at);
      int b = f.read();
      f.seek(at);
      f.write(b ^ 1);
    }
  }

  /** Changes a number or boolean of the metadata, and the CRC with it so that only the value is wrong. */
  private static boolean damageProperty(CaseDir c, String key) throws Exception {
    Path file = new File(c.segment("ours"), "v3/metadata.properties").toPath();
    List<String> lines = Files.readAllLines(file);
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).startsWith(key + " = ")) {
        String value = lines.get(i).substring(key.length() + 3);
        String changed = value.equals("true") ? "false" : value.equals("false") ? "true"
            : value.matches("-?\\d+") ? String.valueOf(Long.parseLong(value) ^ 1)
            : value.equals("INT") ? "LONG" : value.equals("STRING") ? "JSON" : value + "x";
        lines.set(i, key + " = " + changed);
        Files.write(file, lines);
        try (RandomAccessFile f = new RandomAccessFile(new File(c.segment("ours"), "v3/creation.meta"), "rw")) {
          f.writeLong(org.apache.pinot.segment.local.utils.CrcUtils.computeCrc(c.segment("ours")));
        }
        return true;
      }
    }
    return false;
  }
}
