package io.pinotage.cluster;

import java.util.Map;
import java.util.Set;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.stream.StreamMessageDecoder;

/** The rows of a {@link FileTopic}. */
public final class FileDecoder implements StreamMessageDecoder<byte[]> {
  @Override
  public void init(Map<String, String> properties, Set<String> columns, String topic) {
    // Pinot ignores what it has not asked for.
  }

  @Override
  public GenericRow decode(byte[] line, GenericRow row) {
    return decode(line, 0, line.length, row);
  }

  @Override
  public GenericRow decode(byte[] line, int offset, int length, GenericRow row) {
    FileTopic.decode(line, offset, length).forEach(row::putValue);
    return row;
  }
}
