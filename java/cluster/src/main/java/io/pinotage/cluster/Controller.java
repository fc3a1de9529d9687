package io.pinotage.cluster;

import java.io.File;
import java.util.HashMap;
import java.util.Map;
import org.apache.pinot.controller.ControllerStarter;
import org.apache.pinot.spi.env.PinotConfiguration;

/** The real controller. */
record Controller(String url) {
  static Controller start(String zooKeeper, File folder) throws Exception {
    int port = Ports.free();
    Map<String, Object> config = new HashMap<>();
    config.put("controller.zk.str", zooKeeper);
    config.put("controller.helix.cluster.name", Cluster.NAME);
    config.put("controller.host", Cluster.HOST);
    // Not `controller.port`: that listener takes every network interface.
    config.put("controller.access.protocols", "http");
    config.put("controller.access.protocols.http.host", Cluster.HOST);
    config.put("controller.access.protocols.http.port", port);
    // What servers download segments from.
    config.put("controller.vip.host", Cluster.HOST);
    config.put("controller.vip.port", port);
    config.put("controller.data.dir", new File(folder, "data").getPath());
    config.put("controller.local.temp.dir", new File(folder, "temp").getPath());
    ControllerStarter starter = new ControllerStarter();
    starter.init(new PinotConfiguration(config, Map.of()));
    starter.start();
    return new Controller("http://" + Cluster.HOST + ":" + port);
  }
}
