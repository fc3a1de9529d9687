package io.pinotage.cluster;

import java.io.File;
import java.util.HashMap;
import java.util.Map;

/** Pinot's settings under the names that all versions know. */
public final class Configs {
  private Configs() {
  }

  public static Map<String, Object> controller(Place place) {
    Map<String, Object> config = new HashMap<>();
    config.put("controller.zk.str", place.zooKeeper());
    config.put("controller.helix.cluster.name", Place.CLUSTER);
    config.put("controller.host", Place.HOST);
    // Not `controller.port`: that listener takes every network interface.
    listener(config, "controller.access.protocols", place, place.controllerPort());
    // What servers download segments from.
    config.put("controller.vip.host", Place.HOST);
    config.put("controller.vip.port", place.controllerPort());
    config.put("controller.vip.protocol", place.scheme());
    // Where queries go that the controller is asked.
    config.put("controller.broker.protocol", place.scheme());
    config.put("controller.data.dir", place.deepStore().getPath());
    config.put("controller.local.temp.dir", new File(place.folder(), "controller-temp").getPath());
    if (place.tls() != null) {
      config.putAll(place.tls().settings("controller.tls"));
    }
    if (place.auth()) {
      config.put("controller.admin.access.control.factory.class",
          "org.apache.pinot.controller.api.access.BasicAuthAccessControlFactory");
      config.putAll(Users.settings("controller.admin.access.control.principals"));
      // The fetcher of segments is one for the whole process, and every start of a controller makes it anew.
      config.put("pinot.controller.segment.fetcher.auth.token", Users.token());
    }
    s3(config, "pinot.controller", place);
    return config;
  }

  public static Map<String, Object> broker(Place place) {
    Map<String, Object> config = new HashMap<>();
    config.put("pinot.zk.server", place.zooKeeper());
    config.put("pinot.cluster.name", Place.CLUSTER);
    config.put("pinot.broker.hostname", Place.HOST);
    listener(config, "pinot.broker.client.access.protocols", place, place.brokerPort());
    if (place.tls() != null) {
      config.putAll(place.tls().settings("pinot.broker.tls"));
    }
    if (place.auth()) {
      config.put("pinot.broker.access.control.class", "org.apache.pinot.broker.broker.BasicAuthAccessControlFactory");
      config.putAll(Users.settings("pinot.broker.access.control.principals"));
    }
    return config;
  }

  /** Of controllers and servers alike. */
  private static void s3(Map<String, Object> config, String prefix, Place place) {
    if (place.s3() != null) {
      config.put(prefix + ".storage.factory.class.s3", "org.apache.pinot.plugin.filesystem.S3PinotFS");
      String storage = prefix + ".storage.factory.s3";
      config.put(storage + ".endpoint", place.s3());
      config.put(storage + ".region", "us-east-1");
      config.put(storage + ".accessKey", "any");
      config.put(storage + ".secretKey", "any");
      config.put(prefix + ".segment.fetcher.protocols", "file,http,s3");
      config.put(prefix + ".segment.fetcher.s3.class",
          "org.apache.pinot.common.utils.fetcher.PinotFSSegmentFetcher");
    }
  }

  private static void listener(Map<String, Object> config, String prefix, Place place, int port) {
    config.put(prefix, place.scheme());
    config.put(prefix + "." + place.scheme() + ".host", Place.HOST);
    config.put(prefix + "." + place.scheme() + ".port", port);
  }

  /** Of a server of Pinot's own without users and certificates; our server for 1.5.1 has no such names. */
  public static Map<String, Object> server(Place place, ServerPlace server) {
    Map<String, Object> config = new HashMap<>();
    config.put("pinot.zk.server", place.zooKeeper());
    config.put("pinot.cluster.name", Place.CLUSTER);
    config.put("pinot.server.netty.host", Place.HOST);
    config.put("pinot.server.netty.port", server.nettyPort());
    config.put("pinot.server.grpc.enable", true);
    config.put("pinot.server.grpc.port", server.grpcPort());
    listener(config, "pinot.server.adminapi.access.protocols", place, server.adminPort());
    config.put("pinot.server.instance.dataDir", new File(server.folder(), "index").getPath());
    config.put("pinot.server.instance.segmentTarDir", new File(server.folder(), "tar").getPath());
    // Nobody waits for queries that never come.
    config.put("pinot.server.startup.enableServiceStatusCheck", false);
    config.put("pinot.server.shutdown.enableQueryCheck", false);
    s3(config, "pinot.server", place);
    return config;
  }
}
