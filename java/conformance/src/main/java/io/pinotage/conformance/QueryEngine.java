package io.pinotage.conformance;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeoutException;
import org.apache.pinot.common.datatable.DataTable;
import org.apache.pinot.common.datatable.DataTableFactory;
import org.apache.pinot.common.function.FunctionRegistry;
import org.apache.pinot.common.metrics.BrokerMetrics;
import org.apache.pinot.common.request.BrokerRequest;
import org.apache.pinot.common.request.PinotQuery;
import org.apache.pinot.common.response.broker.BrokerResponseNative;
import org.apache.pinot.common.utils.config.QueryOptionsUtils;
import org.apache.pinot.core.common.Operator;
import org.apache.pinot.core.operator.blocks.InstanceResponseBlock;
import org.apache.pinot.core.plan.maker.InstancePlanMakerImplV2;
import org.apache.pinot.core.query.optimizer.QueryOptimizer;
import org.apache.pinot.core.query.reduce.BrokerReduceService;
import org.apache.pinot.core.query.request.context.QueryContext;
import org.apache.pinot.core.query.request.context.utils.QueryContextConverterUtils;
import org.apache.pinot.core.startree.operator.StarTreeFilterOperator;
import org.apache.pinot.core.transport.ServerRoutingInstance;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.SegmentContext;
import org.apache.pinot.spi.config.table.TableType;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.env.PinotConfiguration;
import org.apache.pinot.spi.query.QueryThreadContext;
import org.apache.pinot.sql.parsers.CalciteSqlCompiler;
import org.apache.pinot.sql.parsers.CalciteSqlParser;

/**
 * SQL on one segment, in process: the broker's parser and optimizer, the server's {@link InstancePlanMakerImplV2}, a
 * serialized data table between them, and the broker's {@link BrokerReduceService}.
 */
final class QueryEngine implements AutoCloseable {
  private static final long TIMEOUT_MS = 60_000;

  private final ExecutorService threads = Executors.newFixedThreadPool(2, task -> {
    Thread thread = new Thread(task, "query");
    thread.setDaemon(true);
    return thread;
  });
  private final ExecutorService pool = QueryThreadContext.contextAwareExecutorService(threads);
  private final InstancePlanMakerImplV2 planner = new InstancePlanMakerImplV2();
  private final BrokerReduceService reducer = new BrokerReduceService(
      new PinotConfiguration(Map.of("pinot.broker.max.reduce.threads.per.query", "1"), Map.of()));
  private final QueryOptimizer optimizer = new QueryOptimizer();
  private final Schema schema;
  private final List<SegmentContext> segments;
  private long scannedInFilter;

  QueryEngine(IndexSegment segment, Schema schema) {
    FunctionRegistry.init();
    planner.init(new PinotConfiguration(Map.of(), Map.of()));
    this.schema = schema;
    this.segments = List.of(new SegmentContext(segment));
  }

  /** Rows of the answer as the broker would send them. */
  List<Object[]> run(String sql) {
    PinotQuery query = CalciteSqlParser.compileToPinotQuery(sql);
    optimizer.optimize(query, schema);
    BrokerRequest request = CalciteSqlCompiler.convertToBrokerRequest(query);
    QueryContext context = QueryContextConverterUtils.getQueryContext(query);
    context.setEndTimeMs(System.currentTimeMillis() + TIMEOUT_MS);
    try (QueryThreadContext ignored = QueryThreadContext.openForSseTest()) {
      InstanceResponseBlock block = planner.makeInstancePlan(segments, context, pool).execute();
      DataTable table = DataTableFactory.getDataTable(block.toDataTable().toBytes());
      Map<ServerRoutingInstance, DataTable> answers = new HashMap<>();
      answers.put(new ServerRoutingInstance("localhost", 1, TableType.OFFLINE), table);
      BrokerResponseNative response =
          reducer.reduceOnDataTable(request, request, answers, TIMEOUT_MS, BrokerMetrics.get());
      if (!response.getExceptions().isEmpty()) {
        throw new IllegalStateException(response.getExceptions().get(0).getMessage());
      }
      scannedInFilter = response.getNumEntriesScannedInFilter();
      return response.getResultTable().getRows();
    } catch (IOException | TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether a query's plan reads a star-tree. */
  boolean usesStarTree(String sql) {
    PinotQuery query = CalciteSqlParser.compileToPinotQuery(sql);
    optimizer.optimize(query, schema);
    QueryContext context = QueryContextConverterUtils.getQueryContext(query);
    context.setEndTimeMs(System.currentTimeMillis() + TIMEOUT_MS);
    try (QueryThreadContext ignored = QueryThreadContext.openForSseTest()) {
      context.setSkipStarTree(QueryOptionsUtils.isSkipStarTree(context.getQueryOptions()));
      return readsStarTree(planner.makeSegmentPlanNode(segments.get(0), context).run());
    }
  }

  private static boolean readsStarTree(Operator<?> operator) {
    if (operator instanceof StarTreeFilterOperator) {
      return true;
    }
    for (Operator<?> child : operator.getChildOperators()) {
      if (child != null && readsStarTree(child)) {
        return true;
      }
    }
    return false;
  }

  /** How many values the last query looked at to filter: none when indexes answered. */
  long scannedInFilter() {
    return scannedInFilter;
  }

  @Override
  public void close() {
    reducer.shutDown();
    pool.shutdownNow();
  }
}
