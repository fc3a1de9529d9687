package io.pinotage.conformance;

import java.io.File;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/** Our bytes beside Pinot's: never a failure, for several layouts are right; one note that says where they differ. */
final class ByteDiff {
  private ByteDiff() {
  }

  static void run(File ours, File theirs, Report report) throws Exception {
    IndexMap a = new IndexMap(ours);
    IndexMap b = new IndexMap(theirs);
    TreeSet<String> names = new TreeSet<>();
    a.names().forEach(names::add);
    b.names().forEach(names::add);
    int same = 0;
    List<String> different = new ArrayList<>();
    for (String name : names) {
      if (!a.has(name)) {
        different.add(name + " only theirs");
      } else if (!b.has(name)) {
        different.add(name + " only ours");
      } else {
        byte[] left = a.payload(name);
        byte[] right = b.payload(name);
        int at = Arrays.mismatch(left, right);
        if (at < 0) {
          same++;
        } else {
          different.add(name + " from byte " + at + " (" + left.length + ", theirs " + right.length + " bytes)");
        }
      }
    }
    if (!different.isEmpty()) {
      report.note(same + " of " + names.size() + " entries are byte-identical to Pinot's; other: "
          + String.join(", ", different));
    }
    metadata(ours, theirs, report);
  }

  private static void metadata(File ours, File theirs, Report report) throws Exception {
    TreeSet<String> a = lines(ours);
    TreeSet<String> b = lines(theirs);
    TreeSet<String> onlyOurs = new TreeSet<>(a);
    onlyOurs.removeAll(b);
    TreeSet<String> onlyTheirs = new TreeSet<>(b);
    onlyTheirs.removeAll(a);
    if (!onlyOurs.isEmpty() || !onlyTheirs.isEmpty()) {
      report.note("metadata.properties, only ours: " + onlyOurs + ", only theirs: " + onlyTheirs);
    }
  }

  private static TreeSet<String> lines(File segment) throws Exception {
    TreeSet<String> lines =
        new TreeSet<>(Files.readAllLines(new File(segment, "v3/metadata.properties").toPath()));
    lines.removeIf(String::isBlank);
    return lines;
  }
}
