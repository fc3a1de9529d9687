package io.pinotage.cluster;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import org.apache.pinot.common.utils.ZkStarter;
import org.apache.pinot.spi.utils.JsonUtils;

/** ZooKeeper, a controller, a broker and servers, all answering. */
final class Cluster {
  static final String NAME = "pinotage";
  static final String HOST = "127.0.0.1";

  private final String zooKeeper;
  private final Controller controller;
  private final Broker broker;
  private final List<Server> servers;

  private Cluster(String zooKeeper, Controller controller, Broker broker, List<Server> servers) {
    this.zooKeeper = zooKeeper;
    this.controller = controller;
    this.broker = broker;
    this.servers = servers;
  }

  static Cluster start(Settings settings) throws Exception {
    File folder = settings.folder();
    int zkPort = Ports.free();
    ZkStarter.startLocalZkServer(zkPort, new File(folder, "zookeeper").getPath());
    String zooKeeper = HOST + ":" + zkPort;
    Controller controller = Controller.start(zooKeeper, new File(folder, "controller"));
    Broker broker = Broker.start(zooKeeper);
    List<Server> servers = new ArrayList<>();
    for (int number = 0; number < settings.servers(); number++) {
      servers.add(Server.start(zooKeeper, new File(folder, "server-" + number)));
    }
    Ready.await(controller, broker, servers);
    return new Cluster(zooKeeper, controller, broker, servers);
  }

  String toJson() {
    ObjectNode json = JsonUtils.newObjectNode();
    json.put("zooKeeper", zooKeeper);
    json.put("controller", controller.url());
    json.put("broker", broker.url());
    ArrayNode list = json.putArray("servers");
    for (Server server : servers) {
      list.addObject()
          .put("instance", server.instance())
          .put("host", HOST)
          .put("nettyPort", server.nettyPort())
          .put("grpcPort", server.grpcPort())
          .put("adminPort", server.adminPort());
    }
    return json.toString();
  }
}
