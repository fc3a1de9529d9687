package io.pinotage.cluster;

import java.io.File;
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
record Server(String instance, int nettyPort, int grpcPort, int adminPort) {
  private static final String STATE_MODEL = "SegmentOnlineOfflineStateModel";
  private static final List<String> TAGS = List.of("DefaultTenant_OFFLINE", "DefaultTenant_REALTIME");

  static Server start(String zooKeeper, File folder) throws Exception {
    int nettyPort = Ports.free();
    String instance = "Server_" + Cluster.HOST + "_" + nettyPort;
    SegmentFetcherFactory.init(new PinotConfiguration(Map.of("protocols", "http,file"), Map.of()));

    HelixManager helix =
        HelixManagerFactory.getZKHelixManager(Cluster.NAME, instance, InstanceType.PARTICIPANT, zooKeeper);
    Tables tables = new Tables(new ServerConfig(instance, folder), helix);
    QueryPorts query = QueryPorts.open(instance, nettyPort, tables);
    int adminPort = AdminServer.open(new AdminApi(instance, tables));

    // Transitions of segments may come as soon as it is connected.
    helix.getStateMachineEngine().registerStateModelFactory(STATE_MODEL, new SegmentStates(tables));
    helix.addPreConnectCallback(tables::start);
    helix.connect();
    register(helix, instance, nettyPort, query.grpcPort(), adminPort);
    helix.getMessagingService()
        .registerMessageHandlerFactory(MessageType.USER_DEFINE_MSG.toString(), new SegmentMessages(tables));
    return new Server(instance, nettyPort, query.grpcPort(), adminPort);
  }

  private static void register(HelixManager helix, String instance, int nettyPort, int grpcPort, int adminPort) {
    InstanceConfig config = HelixHelper.getInstanceConfig(helix, instance);
    HelixHelper.updateHostnamePort(config, Cluster.HOST, nettyPort);
    HelixHelper.addDefaultTags(config, () -> TAGS);
    HelixHelper.updatePinotVersion(config);
    config.getRecord().setIntField(Instance.GRPC_PORT_KEY, grpcPort);
    config.getRecord().setIntField(Instance.ADMIN_PORT_KEY, adminPort);
    HelixHelper.updateInstanceConfig(helix, config);
  }
}
