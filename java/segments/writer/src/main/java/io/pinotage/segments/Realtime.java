package io.pinotage.segments;

import java.io.File;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.pinot.common.metadata.segment.SegmentZKMetadata;
import org.apache.pinot.segment.local.indexsegment.mutable.MutableSegmentImpl;
import org.apache.pinot.segment.local.io.writer.impl.DirectMemoryManager;
import org.apache.pinot.segment.local.realtime.converter.RealtimeSegmentConverter;
import org.apache.pinot.segment.local.realtime.impl.RealtimeSegmentConfig;
import org.apache.pinot.segment.local.realtime.impl.RealtimeSegmentStatsHistory;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.spi.config.table.IndexingConfig;
import org.apache.pinot.spi.config.table.SegmentZKPropsConfig;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.FieldSpec;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.GenericRow;

/**
 * Commits a segment as a realtime server does: rows into a {@link MutableSegmentImpl}, that one through the
 * {@link RealtimeSegmentConverter}. What changed between the releases is found by reflection.
 */
final class Realtime {
  private Realtime() {
  }

  static File write(Case c, TableConfig table, Schema schema, File folder, String name) throws Exception {
    boolean nulls = table.getIndexingConfig().isNullHandlingEnabled();
    RealtimeSegmentConfig config = builder(table, schema).setTableNameWithType("t_REALTIME").setSegmentName(name)
        .setStreamName("topic").setSchema(schema).setTimeColumnName("ts").setCapacity(c.rows).setAvgNumMultiValues(3)
        .setSegmentZKMetadata(new SegmentZKMetadata(name)).setOffHeap(true)
        .setMemoryManager(new DirectMemoryManager(name))
        .setStatsHistory(history(new File(folder, "history")))
        .setNullHandlingEnabled(nulls).setConsumerDir(new File(folder, "consumer").getPath()).build();
    MutableSegmentImpl segment = new MutableSegmentImpl(config, null);
    try {
      Method index = method(MutableSegmentImpl.class, "index");
      for (int i = 0; i < c.rows; i++) {
        GenericRow row = c.row(i);
        for (FieldSpec field : schema.getAllFieldSpecs()) {
          if (row.getValue(field.getName()) == null) {
            row.putDefaultNullValue(field.getName(), field.getDefaultNullValue());
          }
        }
        index.invoke(segment, row, null);
      }
      converter(segment, folder, schema, table, name, nulls).build(c.version, null);
    } finally {
      segment.destroy();
    }
    return new File(folder, name);
  }

  /** The method's name was misspelled at first. */
  private static RealtimeSegmentStatsHistory history(File file) throws Exception {
    for (Method method : RealtimeSegmentStatsHistory.class.getMethods()) {
      if (method.getReturnType() == RealtimeSegmentStatsHistory.class && method.getParameterCount() == 1) {
        return (RealtimeSegmentStatsHistory) method.invoke(null, file);
      }
    }
    throw new NoSuchMethodException("RealtimeSegmentStatsHistory.deserializeFrom");
  }

  private static RealtimeSegmentConfig.Builder builder(TableConfig table, Schema schema) throws Exception {
    Class<RealtimeSegmentConfig.Builder> type = RealtimeSegmentConfig.Builder.class;
    for (Constructor<?> constructor : type.getConstructors()) {
      Class<?>[] parameters = constructor.getParameterTypes();
      if (parameters.length == 2 && parameters[0] == TableConfig.class) {
        return (RealtimeSegmentConfig.Builder) constructor.newInstance(table, schema);
      }
    }
    for (Constructor<?> constructor : type.getConstructors()) {
      if (constructor.getParameterCount() == 1 && constructor.getParameterTypes()[0] == IndexLoadingConfig.class) {
        return (RealtimeSegmentConfig.Builder) constructor.newInstance(loading(table, schema));
      }
    }
    RealtimeSegmentConfig.Builder builder = new RealtimeSegmentConfig.Builder();
    // Which indexes have a setter, and of what, changed with almost every release.
    for (Method setter : type.getMethods()) {
      if (setter.getParameterCount() == 1 && setter.getParameterTypes()[0] == Set.class) {
        setter.invoke(builder, new HashSet<String>());
      } else if (setter.getParameterCount() == 1 && setter.getParameterTypes()[0] == Map.class) {
        setter.invoke(builder, new HashMap<String, Object>());
      }
    }
    IndexingConfig indexing = table.getIndexingConfig();
    return builder.setNoDictionaryColumns(new HashSet<>(indexing.getNoDictionaryColumns()))
        .setInvertedIndexColumns(new HashSet<>(indexing.getInvertedIndexColumns()));
  }

  static IndexLoadingConfig loading(TableConfig table, Schema schema) throws Exception {
    for (Constructor<?> constructor : IndexLoadingConfig.class.getConstructors()) {
      if (constructor.getParameterCount() == 2 && constructor.getParameterTypes()[0] == TableConfig.class) {
        return (IndexLoadingConfig) constructor.newInstance(table, schema);
      }
      if (constructor.getParameterCount() == 3 && constructor.getParameterTypes()[2] == Schema.class) {
        return (IndexLoadingConfig) constructor.newInstance(null, table, schema);
      }
    }
    return new IndexLoadingConfig(null, table);
  }

  private static RealtimeSegmentConverter converter(MutableSegmentImpl segment, File folder, Schema schema,
      TableConfig table, String name, boolean nulls) throws Exception {
    SegmentZKPropsConfig offsets = new SegmentZKPropsConfig();
    offsets.setStartOffset("0");
    offsets.setEndOffset(String.valueOf(segment.getNumDocsIndexed()));
    IndexingConfig indexing = table.getIndexingConfig();
    List<String> sorted = indexing.getSortedColumn();
    String sortedColumn = sorted == null || sorted.isEmpty() ? null : sorted.get(0);
    List<String> inverted = indexing.getInvertedIndexColumns() == null ? List.of() : indexing.getInvertedIndexColumns();
    Constructor<?> constructor = RealtimeSegmentConverter.class.getConstructors()[0];
    Object[] head = {segment, offsets, folder.getPath(), schema, "t", table, name};
    switch (constructor.getParameterCount()) {
      case 8:
        return (RealtimeSegmentConverter) constructor.newInstance(join(head, nulls));
      case 9: {
        // ColumnIndicesForRealtimeTable
        Object columns = constructor.getParameterTypes()[7].getConstructors()[0].newInstance(sortedColumn, inverted,
            List.of(), List.of(), indexing.getNoDictionaryColumns(), List.of());
        return (RealtimeSegmentConverter) constructor.newInstance(join(head, columns, nulls));
      }
      default:
        return (RealtimeSegmentConverter) constructor.newInstance(join(head, sortedColumn, inverted, List.of(),
            List.of(), indexing.getNoDictionaryColumns(), List.of(), nulls));
    }
  }

  private static Object[] join(Object[] head, Object... tail) {
    Object[] all = Arrays.copyOf(head, head.length + tail.length);
    System.arraycopy(tail, 0, all, head.length, tail.length);
    return all;
  }

  private static Method method(Class<?> type, String name) throws NoSuchMethodException {
    for (Method method : type.getMethods()) {
      if (method.getName().equals(name) && method.getParameterCount() == 2) {
        return method;
      }
    }
    throw new NoSuchMethodException(type + "." + name);
  }
}
