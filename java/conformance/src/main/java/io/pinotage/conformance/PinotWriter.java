package io.pinotage.conformance;

import java.io.File;
import org.apache.pinot.segment.local.segment.creator.impl.SegmentIndexCreationDriverImpl;
import org.apache.pinot.segment.spi.creator.SegmentGeneratorConfig;
import org.apache.pinot.segment.spi.creator.SegmentVersion;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.RecordReader;

/**
 * A segment written by Pinot itself: {@link SegmentIndexCreationDriverImpl} with its default transform pipeline, in the
 * v3 layout.
 */
public final class PinotWriter {
  private PinotWriter() {
  }

  /** Builds the segment into {@code outDir/segmentName} and returns that folder. */
  public static File write(TableConfig table, Schema schema, RecordReader rows, File outDir, String segmentName)
      throws Exception {
    SegmentGeneratorConfig config = new SegmentGeneratorConfig(table, schema);
    config.setOutDir(outDir.getPath());
    config.setSegmentName(segmentName);
    config.setSegmentVersion(SegmentVersion.v3);
    SegmentIndexCreationDriverImpl driver = new SegmentIndexCreationDriverImpl();
    driver.init(config, rows);
    driver.build();
    return driver.getOutputDirectory();
  }
}
