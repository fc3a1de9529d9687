package io.pinotage.cluster;

import java.io.File;

/**
 * Where the parts of a cluster keep their data and listen, and whom they let in.
 *
 * @param auth whether users have to be known ({@link Users})
 * @param tls the certificates, or null for plain HTTP
 * @param s3 the URL of the object store behind `s3:`, or null
 */
public record Place(File folder, int zooKeeperPort, int controllerPort, int brokerPort, boolean auth, Tls tls,
    String s3) {
  /** The name of the Helix cluster. */
  public static final String CLUSTER = "pinotage";

  public static final String HOST = "127.0.0.1";

  static Place of(Settings settings) {
    int controllerPort = settings.controllerPort() == 0 ? Ports.free() : settings.controllerPort();
    return new Place(settings.folder(), Ports.free(), controllerPort, Ports.free(), settings.auth(), settings.tls(),
        settings.s3());
  }

  public String scheme() {
    return tls == null ? "http" : "https";
  }

  private String url(int port) {
    return scheme() + "://" + HOST + ":" + port;
  }

  public String zooKeeper() {
    return HOST + ":" + zooKeeperPort;
  }

  String controller() {
    return url(controllerPort);
  }

  String broker() {
    return url(brokerPort);
  }

  String admin(ServerPlace server) {
    return url(server.adminPort());
  }

  /** The controller's data, where segments are under `<table without type>/<segment>`. */
  public File deepStore() {
    return new File(folder, "deep-store");
  }
}
