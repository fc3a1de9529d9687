package io.pinotage.conformance;

import java.io.File;
import java.nio.file.Files;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.common.utils.TarCompressionUtils;
import org.apache.pinot.segment.spi.ImmutableSegment;

/** The archive as a server unpacks it: {@link TarCompressionUtils#untar(File, File)}, element 0 is the segment. */
final class ArchiveCheck {
  private static final String[] FILES = {"columns.psf", "index_map", "metadata.properties", "creation.meta"};

  private ArchiveCheck() {
  }

  static void run(CaseDir c, File segmentDir, int rows, Report report) throws Exception {
    File temp = Files.createTempDirectory("conformance-tar").toFile();
    try {
      List<File> files = TarCompressionUtils.untar(c.archive(), temp);
      File first = files.get(0);
      report.that(first.isDirectory(), "the first entry of the archive is not a folder but " + first.getName());
      report.equal("folder in the archive", segmentDir.getName(), first.getName());
      report.equal("name of the archive", segmentDir.getName() + ".tar.gz", c.archive().getName());
      for (String name : FILES) {
        File a = new File(segmentDir, "v3/" + name);
        File b = new File(first, "v3/" + name);
        if (a.isFile() || b.isFile()) {
          report.that(a.isFile() && b.isFile() && FileUtils.contentEquals(a, b), "v3/" + name
              + " in the archive is not the one of the folder");
        }
      }
      ImmutableSegment segment = ServerLoad.load(first, c);
      report.equal("rows of the segment in the archive", rows, segment.getSegmentMetadata().getTotalDocs());
      segment.destroy();
    } finally {
      FileUtils.deleteQuietly(temp);
    }
  }
}
