package io.pinotage.cluster;

import java.io.File;

/** Where a server keeps its data and listens; at the Netty port for TLS only where the cluster has certificates. */
public record ServerPlace(File folder, int nettyPort, int nettyTlsPort, int grpcPort, int adminPort) {
  static ServerPlace in(File folder) {
    return new ServerPlace(folder, Ports.free(), Ports.free(), Ports.free(), Ports.free());
  }

  /** The instance id, as in the ideal state. */
  public String instance() {
    return "Server_" + Place.HOST + "_" + nettyPort;
  }
}
