package io.pinotage.cluster;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.util.ArrayList;
import java.util.List;

/** ZooKeeper, a controller, a broker and servers, all answering. */
final class Cluster {
  private final Place place;
  private final List<ServerPlace> servers;

  private Cluster(Place place, List<ServerPlace> servers) {
    this.place = place;
    this.servers = servers;
  }

  static Cluster start(Pinot pinot, Settings settings) throws Exception {
    Place place = Place.of(settings);
    if (place.tls() != null) {
      place.tls().makeStores();
    }
    pinot.startZooKeeper(place.zooKeeperPort(), new File(place.folder(), "zookeeper"));
    pinot.startController(place);
    pinot.prepareServers(place);
    pinot.startBroker(place);
    List<ServerPlace> servers = new ArrayList<>();
    for (int number = 0; number < settings.servers(); number++) {
      ServerPlace server = ServerPlace.in(new File(place.folder(), "server-" + number));
      pinot.startServer(place, server);
      servers.add(server);
    }
    Ready.await(place, servers);
    return new Cluster(place, servers);
  }

  String toJson() {
    ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("zooKeeper", place.zooKeeper());
    json.put("controller", place.controller());
    json.put("broker", place.broker());
    json.put("deepStore", place.deepStore().getPath());
    if (place.auth()) {
      ObjectNode users = json.putObject("users");
      Users.passwords().forEach(users::put);
    }
    ArrayNode list = json.putArray("servers");
    for (ServerPlace server : servers) {
      list.addObject()
          .put("instance", server.instance())
          .put("host", Place.HOST)
          .put("nettyPort", server.nettyPort())
          .put("grpcPort", server.grpcPort())
          .put("admin", place.admin(server));
    }
    return json.toString();
  }
}
