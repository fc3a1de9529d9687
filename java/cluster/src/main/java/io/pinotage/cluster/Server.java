package io.pinotage.cluster;

import com.sun.net.httpserver.HttpServer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.helix.HelixManager;
import org.apache.helix.HelixManagerFactory;
import org.apache.helix.InstanceType;
import org.apache.helix.model.InstanceConfig;
import org.apache.helix.model.Message.MessageType;
import org.apache.pinot.common.utils.helix.HelixHelper;
import org.apache.pinot.core.data.manager.realtime.SegmentBuildTimeLeaseExtender;
import org.apache.pinot.server.access.AccessControl;
import org.apache.pinot.server.access.AccessControlFactory;
import org.apache.pinot.server.access.AllowAllAccessFactory;
import org.apache.pinot.server.access.BasicAuthAccessFactory;
import org.apache.pinot.server.realtime.ServerSegmentCompletionProtocolHandler;
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
    HelixManager helix = HelixManagerFactory.getZKHelixManager(Place.CLUSTER, place.instance(), InstanceType.PARTICIPANT,
        cluster.zooKeeper());
    Tables tables = new Tables(new ServerConfig(place.instance(), place.folder()), helix);
    AccessControl access = access(cluster);
    QueryPorts query = QueryPorts.open(cluster, place, tables, access);
    HttpServer admin = AdminServer.open(cluster, place.adminPort(), new AdminApi(place.instance(), tables, access));

    // Transitions of segments may come as soon as it is connected.
    helix.getStateMachineEngine().registerStateModelFactory(STATE_MODEL, new SegmentStates(tables));
    helix.addPreConnectCallback(tables::start);
    helix.connect();
    register(helix, cluster, place);
    helix.getMessagingService()
        .registerMessageHandlerFactory(MessageType.USER_DEFINE_MSG.toString(), new SegmentMessages(tables));
    return new Server(helix, tables, query, admin);
  }

  /** What Pinot holds once a process: how segments are committed. How they are fetched is in the controller's settings. */
  static void prepare(Place cluster) {
    Map<String, Object> uploader = new HashMap<>(Map.of("protocol", cluster.scheme()));
    if (cluster.auth()) {
      uploader.put("auth.token", Users.token());
    }
    ServerSegmentCompletionProtocolHandler.init(new PinotConfiguration(uploader, Map.of()));
    SegmentBuildTimeLeaseExtender.initExecutor();
  }

  private static AccessControl access(Place cluster) {
    AccessControlFactory factory = cluster.auth() ? new BasicAuthAccessFactory() : new AllowAllAccessFactory();
    factory.init(new PinotConfiguration(Users.settings("principals"), Map.of()));
    return factory.create();
  }

  private static void register(HelixManager helix, Place cluster, ServerPlace place) {
    InstanceConfig config = HelixHelper.getInstanceConfig(helix, place.instance());
    HelixHelper.updateHostnamePort(config, Place.HOST, place.nettyPort());
    HelixHelper.addDefaultTags(config, () -> TAGS);
    HelixHelper.updatePinotVersion(config);
    config.getRecord().setIntField(Instance.GRPC_PORT_KEY, place.grpcPort());
    config.getRecord().setIntField(cluster.tls() == null ? Instance.ADMIN_PORT_KEY : Instance.ADMIN_HTTPS_PORT_KEY,
        place.adminPort());
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
