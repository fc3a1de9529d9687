package org.apache.pinot.query.routing;

/** Stands in for Pinot's own class, which is not on Maven Central: the broker names it, but only the multi-stage engine uses it. */
public final class WorkerManager {
  private WorkerManager() {
  }
}
