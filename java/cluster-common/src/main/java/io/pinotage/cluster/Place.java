package io.pinotage.cluster;

import java.io.File;

/** Where the parts of a cluster keep their data and listen. */
public record Place(File folder, int zooKeeperPort, int controllerPort, int brokerPort) {
  /** The name of the Helix cluster. */
  public static final String CLUSTER = "pinotage";

  public static final String HOST = "127.0.0.1";

  static Place in(File folder) {
    return new Place(folder, Ports.free(), Ports.free(), Ports.free());
  }

  public String zooKeeper() {
    return HOST + ":" + zooKeeperPort;
  }

  public String controller() {
    return "http://" + HOST + ":" + controllerPort;
  }

  String broker() {
    return "http://" + HOST + ":" + brokerPort;
  }

  /** The controller's data, where segments are under `<table without type>/<segment>`. */
  public File deepStore() {
    return new File(folder, "deep-store");
  }
}
