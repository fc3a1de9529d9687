package io.pinotage.cluster;

import java.util.List;
import org.apache.helix.NotificationContext;
import org.apache.helix.messaging.handling.HelixTaskResult;
import org.apache.helix.messaging.handling.MessageHandler;
import org.apache.helix.messaging.handling.MessageHandlerFactory;
import org.apache.helix.model.Message;
import org.apache.pinot.common.messages.ForceCommitMessage;
import org.apache.pinot.common.messages.SegmentRefreshMessage;
import org.apache.pinot.common.messages.SegmentReloadMessage;
import org.apache.pinot.common.messages.TableDeletionMessage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The controller's messages that are no change of state: refresh, reload, force commit, delete table. */
final class SegmentMessages implements MessageHandlerFactory {
  private static final Logger LOG = LoggerFactory.getLogger(SegmentMessages.class);

  private final Tables tables;

  SegmentMessages(Tables tables) {
    this.tables = tables;
  }

  private void handle(Message message) throws Exception {
    String table = message.getResourceName();
    String segment = message.getPartitionName();
    switch (message.getMsgSubType()) {
      // Downloads the segment again if its CRC in ZooKeeper is another than the loaded one's.
      case SegmentRefreshMessage.REFRESH_SEGMENT_MSG_SUB_TYPE -> tables.replaceSegment(table, segment);
      case SegmentReloadMessage.RELOAD_SEGMENT_MSG_SUB_TYPE -> reload(table, segment, new SegmentReloadMessage(message));
      case ForceCommitMessage.FORCE_COMMIT_MSG_SUB_TYPE -> {
        ForceCommitMessage commit = new ForceCommitMessage(message);
        tables.forceCommit(commit.getTableName(), commit.getSegmentNames());
      }
      case TableDeletionMessage.DELETE_TABLE_MSG_SUB_TYPE -> tables.deleteTable(table, message.getCreateTimeStamp());
      default -> LOG.info("Nothing to do for {} of {}", message.getMsgSubType(), table);
    }
  }

  /** A list of segments, or one by its name, or all. */
  private void reload(String table, String segment, SegmentReloadMessage message) throws Exception {
    List<String> segments = message.getSegmentList();
    boolean forceDownload = message.shouldForceDownload();
    if (segments != null && !segments.isEmpty()) {
      tables.reloadSegments(table, segments, forceDownload, message.getReloadJobId());
    } else if (segment != null && !segment.isEmpty()) {
      tables.reloadSegment(table, segment, forceDownload, message.getReloadJobId());
    } else {
      tables.reloadAllSegments(table, forceDownload, message.getReloadJobId());
    }
  }

  @Override
  public MessageHandler createHandler(Message message, NotificationContext context) {
    return new MessageHandler(message, context) {
      @Override
      public HelixTaskResult handleMessage() {
        HelixTaskResult result = new HelixTaskResult();
        try {
          handle(_message);
          result.setSuccess(true);
        } catch (Exception e) {
          LOG.error("Cannot handle {}", _message, e);
          result.setException(e);
        }
        return result;
      }

      @Override
      public void onError(Exception e, ErrorCode code, ErrorType type) {
        LOG.error("{} {}", type, code, e);
      }
    };
  }

  @Override
  public String getMessageType() {
    return Message.MessageType.USER_DEFINE_MSG.toString();
  }

  @Override
  public void reset() {
    // Nothing is kept.
  }
}
