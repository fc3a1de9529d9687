package io.pinotage.conformance;

import java.io.File;
import java.nio.file.Files;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.segment.local.utils.CrcUtils;
import org.apache.pinot.segment.spi.ColumnMetadata;
import org.apache.pinot.segment.spi.V1Constants.Indexes;
import org.apache.pinot.segment.spi.V1Constants.Dict;
import org.apache.pinot.segment.spi.index.metadata.SegmentMetadataImpl;

/**
 * creation.meta against {@link CrcUtils}: the segment CRC over the folder, and the data CRC over the dictionaries and
 * forward indexes, taken out of columns.psf under the names they have in the v1 layout.
 */
final class CrcCheck {
  private CrcCheck() {
  }

  static void run(File segmentDir, Report report) throws Exception {
    SegmentMetadataImpl meta = new SegmentMetadataImpl(segmentDir);
    report.equal("segment CRC in creation.meta", String.valueOf(CrcUtils.computeCrc(segmentDir)), meta.getCrc());
    report.that(meta.getIndexCreationTime() > 0, "creation time in creation.meta is " + meta.getIndexCreationTime());
    if (meta.getDataCrc().equals(String.valueOf(Long.MIN_VALUE))) {
      report.note("creation.meta has no data CRC");
      return;
    }
    report.equal("data CRC in creation.meta", String.valueOf(dataCrc(segmentDir)), meta.getDataCrc());
  }

  static long dataCrc(File segmentDir) throws Exception {
    SegmentMetadataImpl meta = new SegmentMetadataImpl(segmentDir);
    IndexMap map = new IndexMap(segmentDir);
    File temp = Files.createTempDirectory("conformance-v1").toFile();
    try {
      for (ColumnMetadata column : meta.getColumnMetadataMap().values()) {
        String name = column.getColumnName();
        if (map.has(name + ".dictionary")) {
          FileUtils.writeByteArrayToFile(new File(temp, name + Dict.FILE_EXTENSION),
              map.payload(name + ".dictionary"));
        }
        if (map.has(name + ".forward_index")) {
          FileUtils.writeByteArrayToFile(new File(temp, name + forwardExtension(column)),
              map.payload(name + ".forward_index"));
        }
      }
      return CrcUtils.computeDataCrc(temp);
    } finally {
      FileUtils.deleteQuietly(temp);
    }
  }

  private static String forwardExtension(ColumnMetadata column) {
    if (!column.hasDictionary()) {
      return column.isSingleValue() ? Indexes.RAW_SV_FORWARD_INDEX_FILE_EXTENSION
          : Indexes.RAW_MV_FORWARD_INDEX_FILE_EXTENSION;
    }
    if (!column.isSingleValue()) {
      return Indexes.UNSORTED_MV_FORWARD_INDEX_FILE_EXTENSION;
    }
    return column.isSorted() ? Indexes.SORTED_SV_FORWARD_INDEX_FILE_EXTENSION
        : Indexes.UNSORTED_SV_FORWARD_INDEX_FILE_EXTENSION;
  }
}
