package io.pinotage.cluster;

import java.util.List;
import java.util.Set;
import org.apache.pinot.spi.stream.LongMsgOffset;
import org.apache.pinot.spi.stream.MessageBatch;
import org.apache.pinot.spi.stream.OffsetCriteria;
import org.apache.pinot.spi.stream.PartitionLevelConsumer;
import org.apache.pinot.spi.stream.StreamConsumerFactory;
import org.apache.pinot.spi.stream.StreamLevelConsumer;
import org.apache.pinot.spi.stream.StreamMetadataProvider;
import org.apache.pinot.spi.stream.StreamPartitionMsgOffset;

/** {@link FileTopic} as a stream of Pinot. */
public final class FileStream extends StreamConsumerFactory {
  private FileTopic topic() {
    return new FileTopic(_streamConfig.getStreamConfigsMap());
  }

  @Override
  public StreamMetadataProvider createPartitionMetadataProvider(String client, int partition) {
    return new Metadata(topic(), partition);
  }

  @Override
  public StreamMetadataProvider createStreamMetadataProvider(String client) {
    return new Metadata(topic(), 0);
  }

  @Override
  public PartitionLevelConsumer createPartitionLevelConsumer(String client, int partition) {
    return new Consumer(new FileTopic.Reader(topic(), partition));
  }

  @Override
  public StreamLevelConsumer createStreamLevelConsumer(String client, String table, Set<String> columns, String group) {
    throw new UnsupportedOperationException("partitions only");
  }

  private record Metadata(FileTopic topic, int partition) implements StreamMetadataProvider {
    @Override
    public int fetchPartitionCount(long timeoutMillis) {
      return topic.partitions();
    }

    @Override
    public StreamPartitionMsgOffset fetchStreamPartitionOffset(OffsetCriteria criteria, long timeoutMillis) {
      return new LongMsgOffset(criteria.isSmallest() ? 0 : topic.end(partition));
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }

  private record Consumer(FileTopic.Reader reader) implements PartitionLevelConsumer {
    @Override
    public MessageBatch<byte[]> fetchMessages(long first, long end, int timeoutMs) {
      return new Batch(first, reader.read(first));
    }

    @Override
    public void close() {
      reader.close();
    }
  }

  private record Batch(long first, List<byte[]> rows) implements MessageBatch<byte[]> {
    @Override
    public int getMessageCount() {
      return rows.size();
    }

    @Override
    public byte[] getMessageAtIndex(int index) {
      return rows.get(index);
    }

    /** Within its bytes. */
    @Override
    public int getMessageOffsetAtIndex(int index) {
      return 0;
    }

    @Override
    public int getMessageLengthAtIndex(int index) {
      return rows.get(index).length;
    }

    @Override
    @SuppressWarnings("deprecation")
    public long getNextStreamMessageOffsetAtIndex(int index) {
      return first + index + 1;
    }
  }
}
