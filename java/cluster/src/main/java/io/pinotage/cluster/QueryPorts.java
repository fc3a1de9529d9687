package io.pinotage.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAccumulator;
import org.apache.pinot.common.config.GrpcConfig;
import org.apache.pinot.common.config.NettyConfig;
import org.apache.pinot.common.config.TlsConfig;
import org.apache.pinot.common.function.FunctionRegistry;
import org.apache.pinot.common.metrics.ServerMetrics;
import org.apache.pinot.common.utils.tls.TlsUtils;
import org.apache.pinot.core.data.manager.InstanceDataManager;
import org.apache.pinot.core.query.executor.ServerQueryExecutorV1Impl;
import org.apache.pinot.core.query.scheduler.QueryScheduler;
import org.apache.pinot.core.query.scheduler.QuerySchedulerFactory;
import org.apache.pinot.core.transport.InstanceRequestHandler;
import org.apache.pinot.core.transport.QueryServer;
import org.apache.pinot.core.transport.grpc.GrpcQueryServer;
import org.apache.pinot.server.access.AccessControl;
import org.apache.pinot.spi.accounting.ThreadAccountant;
import org.apache.pinot.spi.accounting.ThreadAccountantUtils;
import org.apache.pinot.spi.env.PinotConfiguration;

/** The real query engine behind its ports: Netty for the broker, plain and perhaps with TLS, and gRPC for connectors. */
record QueryPorts(ServerQueryExecutorV1Impl executor, QueryScheduler scheduler, List<QueryServer> netty,
    GrpcQueryServer grpc) {
  static QueryPorts open(Place cluster, ServerPlace place, InstanceDataManager tables, AccessControl access)
      throws Exception {
    FunctionRegistry.init();
    PinotConfiguration defaults = new PinotConfiguration(Map.of(), Map.of());
    ThreadAccountant accountant = ThreadAccountantUtils.getNoOpAccountant();
    ServerQueryExecutorV1Impl executor = new ServerQueryExecutorV1Impl();
    executor.init(defaults, tables, ServerMetrics.get());
    executor.start();

    QueryScheduler scheduler = QuerySchedulerFactory.create(defaults, place.instance(), executor, accountant,
        new LongAccumulator(Long::max, 0));
    scheduler.start();
    InstanceRequestHandler handler =
        new InstanceRequestHandler(place.instance(), defaults, scheduler, access, accountant);
    TlsConfig tls = tls(cluster);
    List<QueryServer> netty = new ArrayList<>();
    netty.add(new QueryServer(place.nettyPort(), new NettyConfig(), handler));
    if (tls != null) {
      netty.add(new QueryServer(place.nettyTlsPort(), new NettyConfig(), tls, handler));
    }
    netty.forEach(QueryServer::start);

    GrpcQueryServer grpc = new GrpcQueryServer(place.instance(), place.grpcPort(), new GrpcConfig(Map.of()), tls, executor,
        access, accountant);
    grpc.start();
    return new QueryPorts(executor, scheduler, netty, grpc);
  }

  private static TlsConfig tls(Place cluster) {
    if (cluster.tls() == null) {
      return null;
    }
    return TlsUtils.extractTlsConfig(new PinotConfiguration(cluster.tls().settings("tls"), Map.of()), "tls");
  }

  void close() {
    netty.forEach(QueryServer::shutDown);
    grpc.shutdown();
    scheduler.stop();
    executor.shutDown();
  }
}
