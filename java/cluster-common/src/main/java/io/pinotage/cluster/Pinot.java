package io.pinotage.cluster;

/** One version of Pinot: how its parts are started. Closing a part stops it; it may be started again in the same place. */
public interface Pinot {
  AutoCloseable startController(Place place) throws Exception;

  /** What Pinot holds once a process for all its servers; needs a controller. */
  void prepareServers(Place place) throws Exception;

  AutoCloseable startBroker(Place place) throws Exception;

  AutoCloseable startServer(Place place, ServerPlace server) throws Exception;
}
