package io.pinotage.cluster;

import java.util.HashMap;
import java.util.Map;
import org.apache.pinot.broker.broker.helix.HelixBrokerStarter;
import org.apache.pinot.spi.env.PinotConfiguration;

/** The real broker, without the multi-stage engine, which is not on Maven Central. */
record Broker(String url) {
  static Broker start(String zooKeeper) throws Exception {
    int port = Ports.free();
    Map<String, Object> config = new HashMap<>();
    config.put("pinot.zk.server", zooKeeper);
    config.put("pinot.cluster.name", Cluster.NAME);
    config.put("pinot.broker.hostname", Cluster.HOST);
    config.put("pinot.broker.client.access.protocols", "http");
    config.put("pinot.broker.client.access.protocols.http.host", Cluster.HOST);
    config.put("pinot.broker.client.access.protocols.http.port", port);
    config.put("pinot.multistage.engine.enabled", false);
    HelixBrokerStarter starter = new HelixBrokerStarter();
    starter.init(new PinotConfiguration(config, Map.of()));
    starter.start();
    return new Broker("http://" + Cluster.HOST + ":" + port);
  }
}
