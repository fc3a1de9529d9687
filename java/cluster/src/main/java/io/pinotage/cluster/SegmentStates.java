package io.pinotage.cluster;

import org.apache.helix.NotificationContext;
import org.apache.helix.model.Message;
import org.apache.helix.participant.statemachine.StateModel;
import org.apache.helix.participant.statemachine.StateModelFactory;
import org.apache.helix.participant.statemachine.StateModelInfo;
import org.apache.helix.participant.statemachine.Transition;
import org.apache.pinot.segment.local.data.manager.TableDataManager;

/** What Helix tells a server to do with a segment. An exception puts the segment into ERROR, as on a real server. */
final class SegmentStates extends StateModelFactory<StateModel> {
  private final Tables tables;

  SegmentStates(Tables tables) {
    this.tables = tables;
  }

  @Override
  public StateModel createNewStateModel(String resource, String partition) {
    return new SegmentState(tables);
  }

  /** Public, as Helix calls the transitions by reflection. The table is Helix's resource, the segment its partition. */
  @StateModelInfo(states = "{'OFFLINE','ONLINE','CONSUMING','DROPPED'}", initialState = "OFFLINE")
  public static final class SegmentState extends StateModel {
    private final Tables tables;

    SegmentState(Tables tables) {
      this.tables = tables;
    }

    @Transition(from = "OFFLINE", to = "ONLINE")
    public void onBecomeOnlineFromOffline(Message message, NotificationContext context) throws Exception {
      tables.addOnlineSegment(message.getResourceName(), message.getPartitionName());
    }

    @Transition(from = "OFFLINE", to = "CONSUMING")
    public void onBecomeConsumingFromOffline(Message message, NotificationContext context) throws Exception {
      tables.addConsumingSegment(message.getResourceName(), message.getPartitionName());
    }

    @Transition(from = "CONSUMING", to = "ONLINE")
    public void onBecomeOnlineFromConsuming(Message message, NotificationContext context) throws Exception {
      tables.addOnlineSegment(message.getResourceName(), message.getPartitionName());
    }

    @Transition(from = "CONSUMING", to = "OFFLINE")
    public void onBecomeOfflineFromConsuming(Message message, NotificationContext context) throws Exception {
      TableDataManager table = tables.getTableDataManager(message.getResourceName());
      if (table != null) {
        table.onConsumingToOffline(message.getPartitionName());
      }
      onBecomeOfflineFromOnline(message, context);
    }

    @Transition(from = "CONSUMING", to = "DROPPED")
    public void onBecomeDroppedFromConsuming(Message message, NotificationContext context) throws Exception {
      TableDataManager table = tables.getTableDataManager(message.getResourceName());
      if (table != null) {
        table.onConsumingToDropped(message.getPartitionName());
      }
      onBecomeDroppedFromOnline(message, context);
    }

    @Transition(from = "ONLINE", to = "OFFLINE")
    public void onBecomeOfflineFromOnline(Message message, NotificationContext context) throws Exception {
      tables.offloadSegment(message.getResourceName(), message.getPartitionName());
    }

    @Transition(from = "ONLINE", to = "DROPPED")
    public void onBecomeDroppedFromOnline(Message message, NotificationContext context) throws Exception {
      onBecomeOfflineFromOnline(message, context);
      onBecomeDroppedFromOffline(message, context);
    }

    @Transition(from = "OFFLINE", to = "DROPPED")
    public void onBecomeDroppedFromOffline(Message message, NotificationContext context) {
      tables.deleteSegment(message.getResourceName(), message.getPartitionName());
    }

    @Transition(from = "ERROR", to = "OFFLINE")
    public void onBecomeOfflineFromError(Message message, NotificationContext context) {
      // A reset: the next transition tries again.
    }

    @Transition(from = "ERROR", to = "DROPPED")
    public void onBecomeDroppedFromError(Message message, NotificationContext context) {
      onBecomeDroppedFromOffline(message, context);
    }
  }
}
