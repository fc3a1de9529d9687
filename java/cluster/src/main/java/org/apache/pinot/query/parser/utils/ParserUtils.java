package org.apache.pinot.query.parser.utils;

import org.apache.pinot.common.config.provider.TableCache;

/**
 * Stands in for Pinot's own class, which is not on Maven Central. The broker asks it after a query that failed, to hint at
 * the multi-stage engine; there is none here.
 */
public final class ParserUtils {
  private ParserUtils() {
  }

  public static boolean canCompileWithMultiStageEngine(String query, String database, TableCache tables) {
    return false;
  }
}
