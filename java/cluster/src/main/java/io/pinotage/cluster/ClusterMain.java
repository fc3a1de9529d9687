package io.pinotage.cluster;

import java.util.Map;
import org.apache.helix.HelixManager;
import org.apache.helix.HelixManagerFactory;
import org.apache.helix.InstanceType;
import org.apache.pinot.broker.broker.helix.HelixBrokerStarter;
import org.apache.pinot.controller.ControllerStarter;
import org.apache.pinot.server.realtime.ControllerLeaderLocator;
import org.apache.pinot.spi.env.PinotConfiguration;
import org.apache.pinot.spi.services.ServiceStartable;

/** Pinot 1.5.1: everything is Pinot's own but the frame of a server. */
public final class ClusterMain implements Pinot {
  private ClusterMain() {
  }

  public static void main(String[] args) {
    Launcher.launch(args, new ClusterMain());
  }

  @Override
  public AutoCloseable startController(Place place) throws Exception {
    if (place.s3() != null) {
      throw new IllegalArgumentException("only the cluster of 0.11.0 knows S3");
    }
    return start(new ControllerStarter(), Configs.controller(place));
  }

  /** With a connection of its own, which does not end with one of the servers. */
  @Override
  public void prepareServers(Place place) throws Exception {
    HelixManager helix =
        HelixManagerFactory.getZKHelixManager(Place.CLUSTER, "leader-locator", InstanceType.SPECTATOR, place.zooKeeper());
    helix.connect();
    ControllerLeaderLocator.create(helix);
    Server.prepare(place);
  }

  @Override
  public AutoCloseable startBroker(Place place) throws Exception {
    Map<String, Object> config = Configs.broker(place);
    // It is not on Maven Central.
    config.put("pinot.multistage.engine.enabled", false);
    return start(new HelixBrokerStarter(), config);
  }

  @Override
  public AutoCloseable startServer(Place place, ServerPlace server) throws Exception {
    return Server.start(place, server);
  }

  private static AutoCloseable start(ServiceStartable part, Map<String, Object> config) throws Exception {
    part.init(new PinotConfiguration(config, Map.of()));
    part.start();
    return part::stop;
  }
}
