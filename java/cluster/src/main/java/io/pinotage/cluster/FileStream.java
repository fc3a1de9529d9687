package io.pinotage.cluster;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.pinot.spi.stream.BytesStreamMessage;
import org.apache.pinot.spi.stream.LongMsgOffset;
import org.apache.pinot.spi.stream.MessageBatch;
import org.apache.pinot.spi.stream.OffsetCriteria;
import org.apache.pinot.spi.stream.PartitionGroupConsumer;
import org.apache.pinot.spi.stream.PartitionGroupConsumptionStatus;
import org.apache.pinot.spi.stream.StreamConsumerFactory;
import org.apache.pinot.spi.stream.StreamMessageMetadata;
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
  public PartitionGroupConsumer createPartitionGroupConsumer(String client, PartitionGroupConsumptionStatus status) {
    return new Consumer(new FileTopic.Reader(topic(), status.getStreamPartitionGroupId()));
  }

  private record Metadata(FileTopic topic, int partition) implements StreamMetadataProvider {
    @Override
    public int fetchPartitionCount(long timeoutMillis) {
      return topic.partitions();
    }

    @Override
    public Set<Integer> fetchPartitionIds(long timeoutMillis) {
      return IntStream.range(0, topic.partitions()).boxed().collect(Collectors.toSet());
    }

    @Override
    public Map<Integer, StreamPartitionMsgOffset> fetchLatestStreamOffset(Set<Integer> partitions, long timeoutMillis) {
      return partitions.stream().collect(Collectors.toMap(Function.identity(), id -> new LongMsgOffset(topic.end(id))));
    }

    @Override
    public StreamPartitionMsgOffset fetchStreamPartitionOffset(OffsetCriteria criteria, long timeoutMillis) {
      return new LongMsgOffset(criteria.isSmallest() ? 0 : topic.end(partition));
    }

    @Override
    public boolean supportsOffsetLag() {
      return true;
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }

  private record Consumer(FileTopic.Reader reader) implements PartitionGroupConsumer {
    @Override
    public MessageBatch<byte[]> fetchMessages(StreamPartitionMsgOffset start, int timeoutMs) {
      long first = ((LongMsgOffset) start).getOffset();
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
    public BytesStreamMessage getStreamMessage(int index) {
      long offset = first + index;
      return new BytesStreamMessage(rows.get(index), new StreamMessageMetadata.Builder()
          .setRecordIngestionTimeMs(System.currentTimeMillis())
          .setOffset(new LongMsgOffset(offset), new LongMsgOffset(offset + 1)).build());
    }

    @Override
    public StreamPartitionMsgOffset getOffsetOfNextBatch() {
      return new LongMsgOffset(first + rows.size());
    }

    @Override
    public long getSizeInBytes() {
      return rows.stream().mapToLong(row -> row.length).sum();
    }
  }
}
