package org.apache.pinot.query.runtime.operator.factory;

/**
 * Stands in for Pinot's own type, which is not on Maven Central: the broker links to it when it starts, and calls it only
 * with the multi-stage engine, which this cluster has switched off.
 */
public interface QueryOperatorFactoryProvider {
}
