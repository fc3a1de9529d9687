package io.pinotage.conformance;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import org.apache.commons.io.FileUtils;

/**
 * {@code golden ROOT}: Pinot's own segments of the made cases, with Pinot's own dump as the expected values. An existing
 * golden case is never overwritten.
 */
final class Golden {
  private Golden() {
  }

  static boolean run(File root) throws Exception {
    File temp = Files.createTempDirectory("golden").toFile();
    boolean right = true;
    try {
      for (MadeCase made : MadeCases.all()) {
        File target = new File(root, made.name);
        if (target.exists()) {
          System.out.println("kept " + made.name);
          continue;
        }
        try {
          CaseDir c = made.writeTo(temp);
          Write.build(c);
          publish(c, made.isUnreadable() ? "input.jsonl" : "theirs.jsonl", target);
          System.out.println("made " + made.name);
        } catch (Exception e) {
          right = false;
          System.out.println("FAIL " + made.name + " " + Conformance.describe(e));
        }
      }
      return right;
    } finally {
      FileUtils.deleteQuietly(temp);
    }
  }

  /** {@code cases ROOT}: the input side of the made cases in the exchange format, for a writer to try itself on. */
  static boolean cases(File root) throws IOException {
    for (MadeCase made : MadeCases.all()) {
      made.writeTo(root);
    }
    return true;
  }

  private static void publish(CaseDir c, String expected, File target) throws IOException {
    for (String name : new String[]{"schema.json", "table.json"}) {
      FileUtils.copyFile(c.file(name), new File(target, name));
    }
    FileUtils.copyFile(c.file(expected), new File(target, "expected.jsonl"));
    FileUtils.copyDirectory(c.segment("theirs"), new File(target, "segment/" + c.segmentName));
  }
}
