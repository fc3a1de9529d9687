package io.pinotage.cluster;

import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/**
 * ZooKeeper. Not by Pinot's `ZkStarter`: that one listens everywhere, and now and then loses 30 seconds because its first
 * client comes before the server.
 */
final class ZooKeeper {
  private static final int TICK_MS = 2_000;
  private static final int UNLIMITED = 0;

  private ZooKeeper() {
  }

  /** Answers when this returns. */
  static void start(int port, File folder) throws IOException, InterruptedException {
    ServerCnxnFactory.createFactory(new InetSocketAddress(Place.HOST, port), UNLIMITED)
        .startup(new ZooKeeperServer(folder, folder, TICK_MS));
  }
}
