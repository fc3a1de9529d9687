package io.pinotage.conformance;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.segment.local.utils.CrcUtils;

/**
 * Damage that only one kind of check can see. Queries alone, against expected values of which one was changed; and one
 * byte of each entry of columns.psf changed with both CRCs made right again, so that the content must give it away.
 */
final class SelfTestIsolated {
  private SelfTestIsolated() {
  }

  /** Failures found by queries alone on a right segment with the expected values as they are in the folder. */
  static Report queriesAlone(CaseDir c) throws Exception {
    Report report = new Report(c.name);
    ExpectedTable expected = ExpectedTable.read(c.expected(), c.schema);
    try (ServerLoad load = ServerLoad.open(c.segment("theirs"), c)) {
      Judge.queries(c, expected, load.segment, report);
    }
    return report;
  }

  /** Entries, by kind, of which no damage was seen. */
  static Map<String, List<String>> bytes(CaseDir c, File pristine) throws Exception {
    Map<String, List<String>> unseen = new TreeMap<>();
    File ours = c.segment("ours");
    IndexMap map = new IndexMap(pristine);
    for (String name : map.names()) {
      long[] place = map.place(name);
      if (place[1] == IndexMap.MAGIC) {
        continue; // the dictionary of one empty string: there is no byte to change
      }
      boolean seen = false;
      List<Long> positions = new ArrayList<>();
      for (double part : new double[]{0.5, 0.75, 0.999}) {
        positions.add(place[0] + IndexMap.MAGIC + (long) ((place[1] - IndexMap.MAGIC) * part));
      }
      for (long at : positions) {
        if (seen) {
          break;
        }
        FileUtils.deleteDirectory(ours);
        FileUtils.copyDirectory(pristine, ours);
        flip(new File(ours, "v3/columns.psf"), at);
        mend(ours);
        seen = !SelfTest.judge(c).ok();
      }
      if (!seen) {
        String kind = name.substring(name.lastIndexOf('.') + 1);
        unseen.computeIfAbsent(kind, k -> new ArrayList<>()).add(name);
      }
    }
    return unseen;
  }

  private static void flip(File file, long at) throws IOException {
    try (RandomAccessFile f = new RandomAccessFile(file, "rw")) {
      f.seek(at);
      int b = f.read();
      f.seek(at);
      f.write(b ^ 0x40);
    }
  }

  /** Both CRCs as they would be had a writer made this segment. */
  static void mend(File segment) throws Exception {
    long crc = CrcUtils.computeCrc(segment);
    long data = CrcCheck.dataCrc(segment);
    try (RandomAccessFile f = new RandomAccessFile(new File(segment, "v3/creation.meta"), "rw")) {
      f.writeLong(crc);
      f.seek(16);
      f.writeLong(data);
    }
  }
}
