package io.pinotage.cluster;

import io.pinotage.cluster.AdminServer.Refusal;
import java.util.List;
import java.util.Map;
import org.apache.pinot.common.restlet.resources.ValidDocIdsBitmapResponse;
import org.apache.pinot.common.restlet.resources.ValidDocIdsMetadataInfo;
import org.apache.pinot.common.restlet.resources.ValidDocIdsType;
import org.apache.pinot.common.utils.RoaringBitmapUtils;
import org.apache.pinot.common.utils.ServiceStatus.Status;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentImpl;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.SegmentMetadata;
import org.apache.pinot.segment.spi.V1Constants;
import org.apache.pinot.segment.spi.index.mutable.ThreadSafeMutableRoaringBitmap;
import org.roaringbitmap.buffer.MutableRoaringBitmap;

/** Which rows of a segment of an upsert table are live, as the engine has it in memory or in its last snapshot. */
final class ValidDocIds {
  private final String instance;

  ValidDocIds(String instance) {
    this.instance = instance;
  }

  ValidDocIdsBitmapResponse bitmap(IndexSegment segment, Map<String, List<String>> query) {
    ValidDocIdsType type = type(query);
    SegmentMetadata metadata = segment.getSegmentMetadata();
    return new ValidDocIdsBitmapResponse(segment.getSegmentName(), metadata.getCrc(), type,
        RoaringBitmapUtils.serialize(docIds(segment, type)), instance, Status.GOOD);
  }

  ValidDocIdsMetadataInfo metadata(IndexSegment segment, Map<String, List<String>> query) {
    ValidDocIdsType type = type(query);
    SegmentMetadata metadata = segment.getSegmentMetadata();
    long valid = docIds(segment, type).getLongCardinality();
    long all = metadata.getTotalDocs();
    return new ValidDocIdsMetadataInfo(segment.getSegmentName(), valid, all - valid, all, metadata.getCrc(), type,
        immutable(segment).getSegmentSizeBytes(), metadata.getIndexCreationTime(), instance, Status.GOOD);
  }

  private static ValidDocIdsType type(Map<String, List<String>> query) {
    return ValidDocIdsType.valueOf(query.getOrDefault("validDocIdsType", List.of("SNAPSHOT")).get(0));
  }

  private static MutableRoaringBitmap docIds(IndexSegment segment, ValidDocIdsType type) {
    MutableRoaringBitmap docIds = switch (type) {
      case SNAPSHOT -> immutable(segment).loadDocIdsFromSnapshot(V1Constants.VALID_DOC_IDS_SNAPSHOT_FILE_NAME);
      case SNAPSHOT_WITH_DELETE ->
          immutable(segment).loadDocIdsFromSnapshot(V1Constants.QUERYABLE_DOC_IDS_SNAPSHOT_FILE_NAME);
      case IN_MEMORY -> copy(segment.getValidDocIds());
      case IN_MEMORY_WITH_DELETE -> copy(segment.getQueryableDocIds());
    };
    if (docIds == null) {
      throw new Refusal(404, segment.getSegmentName() + " has no doc ids of type " + type);
    }
    return docIds;
  }

  private static MutableRoaringBitmap copy(ThreadSafeMutableRoaringBitmap docIds) {
    return docIds == null ? null : docIds.getMutableRoaringBitmap();
  }

  private static ImmutableSegmentImpl immutable(IndexSegment segment) {
    if (segment instanceof ImmutableSegmentImpl immutable) {
      return immutable;
    }
    throw new Refusal(400, segment.getSegmentName() + " is still consuming");
  }
}
