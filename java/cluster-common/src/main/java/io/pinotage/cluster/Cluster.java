package io.pinotage.cluster;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** ZooKeeper, a controller, a broker and servers; the controller and the servers can be stopped and started again. */
final class Cluster {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Pinot pinot;
  private final Place place;
  private final List<ServerPlace> servers;
  private final Ready ready;
  /** What can be stopped, by its name in commands. */
  private final Map<String, AutoCloseable> running = new HashMap<>();

  private Cluster(Pinot pinot, Place place, List<ServerPlace> servers) throws Exception {
    this.pinot = pinot;
    this.place = place;
    this.servers = servers;
    this.ready = new Ready(place);
  }

  static Cluster start(Pinot pinot, Settings settings) throws Exception {
    Place place = Place.of(settings);
    if (place.tls() != null) {
      place.tls().makeStores();
    }
    List<ServerPlace> servers = new ArrayList<>();
    for (int number = 0; number < settings.servers(); number++) {
      servers.add(ServerPlace.in(new File(place.folder(), "server-" + number)));
    }
    Cluster cluster = new Cluster(pinot, place, servers);
    ZooKeeper.start(place.zooKeeperPort(), new File(place.folder(), "zookeeper"));
    cluster.start("controller");
    pinot.prepareServers(place);
    pinot.startBroker(place);
    for (int number = 0; number < servers.size(); number++) {
      cluster.start("server " + number);
    }
    cluster.await();
    return cluster;
  }

  /** Obeys a line such as `stop server 1` and answers with a line of JSON. */
  String run(String command) {
    ObjectNode answer = JSON.createObjectNode().put("command", command);
    try {
      String[] words = command.split(" ", 2);
      switch (words[0]) {
        case "stop" -> stop(words[1]);
        case "start" -> {
          start(words[1]);
          await();
        }
        default -> throw new IllegalArgumentException("neither stop nor start");
      }
    } catch (Exception e) {
      answer.put("error", e.toString());
    }
    return answer.toString();
  }

  private void stop(String part) throws Exception {
    AutoCloseable stopped = running.remove(part);
    if (stopped == null) {
      throw new IllegalArgumentException("no " + part + " is running");
    }
    stopped.close();
  }

  private void start(String part) throws Exception {
    if (running.containsKey(part)) {
      throw new IllegalArgumentException(part + " is running");
    }
    String[] words = part.split(" ");
    running.put(part, switch (words[0]) {
      case "controller" -> pinot.startController(place);
      case "server" -> pinot.startServer(place, servers.get(Integer.parseInt(words[1])));
      default -> throw new IllegalArgumentException("no part is a " + part);
    });
  }

  private void await() throws InterruptedException {
    List<ServerPlace> started = new ArrayList<>();
    for (int number = 0; number < servers.size(); number++) {
      if (running.containsKey("server " + number)) {
        started.add(servers.get(number));
      }
    }
    ready.await(running.containsKey("controller"), started);
  }

  String toJson() {
    ObjectNode json = JSON.createObjectNode();
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
          .put("nettyTlsPort", server.nettyTlsPort())
          .put("grpcPort", server.grpcPort())
          .put("admin", place.admin(server));
    }
    return json.toString();
  }
}
