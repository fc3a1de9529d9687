package org.apache.pinot.query.runtime.operator.factory;

/** See {@link QueryOperatorFactoryProvider}. */
public final class DefaultQueryOperatorFactoryProvider implements QueryOperatorFactoryProvider {
  public static final DefaultQueryOperatorFactoryProvider INSTANCE = new DefaultQueryOperatorFactoryProvider();

  private DefaultQueryOperatorFactoryProvider() {
  }
}
