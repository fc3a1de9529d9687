package io.pinotage.cluster;

import com.sun.net.httpserver.HttpServer;
import java.util.List;
import java.util.Map;
import org.apache.helix.HelixManager;
import org.apache.helix.HelixManagerFactory;
import org.apache.helix.InstanceType;
import org.apache.helix.model.InstanceConfig;
import org.apache.helix.model.Message.MessageType;
import org.apache.pinot.common.utils.fetcher.SegmentFetcherFactory;
import org.apache.pinot.common.utils.helix.HelixHelper;
import org.apache.pinot.spi.env.PinotConfiguration;
import org.apache.pinot.spi.utils.CommonConstants.Helix.Instance;

/**
 * One server: Pinot's table data managers and query engine, made a Helix participant by us, because Pinot's own frame
 * around them (pinot-server) is not on Maven Central.
 */
final class Server implements AutoCloseable {
  private static final String STATE_MODEL = "SegmentOnlineOfflineStateModel";
  private static final List<String> TAGS = List.of("DefaultTenant_OFFLINE", "DefaultTenant_REALTIME");

  private final HelixManager helix;
  private final Tables tables;
  private final QueryPorts query;
  private final HttpServer admin;

  private Server(HelixManager helix, Tables tables, QueryPorts query, HttpServer admin) {
    this.helix = helix;
    this.tables = tables;
    this.query = query;
    this.admin = admin;
  }

  static Server start(Place cluster, ServerPlace place) throws Exception {
    SegmentFetcherFactory.init(new PinotConfiguration(Map.of("protocols", "http,file"), Map.of()));
    HelixManager helix = HelixManagerFactory.getZKHelixManager(Place.CLUSTER, place.instance(), InstanceType.PARTICIPANT,
        cluster.zooKeeper());
    Tables tables = new Tables(new ServerConfig(place.instance(), place.folder()), helix);
    QueryPorts query = QueryPorts.open(place, tables);
    HttpServer admin = AdminServer.open(place.adminPort(), new AdminApi(place.instance(), tables));

    // Transitions of segments may come as soon as it is connected.
    helix.getStateMachineEngine().registerStateModelFactory(STATE_MODEL, new SegmentStates(tables));
    helix.addPreConnectCallback(tables::start);
    helix.connect();
    register(helix, place);
    helix.getMessagingService()
        .registerMessageHandlerFactory(MessageType.USER_DEFINE_MSG.toString(), new SegmentMessages(tables));
    return new Server(helix, tables, query, admin);
  }

  private static void register(HelixManager helix, ServerPlace place) {
    InstanceConfig config = HelixHelper.getInstanceConfig(helix, place.instance());
    HelixHelper.updateHostnamePort(config, Place.HOST, place.nettyPort());
    HelixHelper.addDefaultTags(config, () -> TAGS);
    HelixHelper.updatePinotVersion(config);
    config.getRecord().setIntField(Instance.GRPC_PORT_KEY, place.grpcPort());
    config.getRecord().setIntField(Instance.ADMIN_PORT_KEY, place.adminPort());
    HelixHelper.updateInstanceConfig(helix, config);
  }

  /** As abrupt as it can be inside one process: whoever is connected is cut off. */
  @Override
  public void close() {
    admin.stop(0);
    query.close();
    helix.disconnect();
    tables.shutDown();
  }
}
