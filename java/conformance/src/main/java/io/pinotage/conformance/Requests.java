package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.pinot.common.function.FunctionRegistry;
import org.apache.pinot.common.request.BrokerRequest;
import org.apache.pinot.common.request.InstanceRequest;
import org.apache.pinot.common.request.PinotQuery;
import org.apache.pinot.spi.utils.BytesUtils;
import org.apache.pinot.spi.utils.JsonUtils;
import org.apache.pinot.sql.parsers.CalciteSqlCompiler;
import org.apache.thrift.TSerializer;
import org.apache.thrift.protocol.TCompactProtocol;

/** What servers are sent by Netty: the tree that Pinot's parser makes of SQL, in Pinot's own bytes. */
final class Requests {
  private Requests() {
  }

  /** A line of JSON for each query: requestId, sql, segments, brokerId. Prints a line of hexadecimal bytes for each. */
  static int run(File queries) throws Exception {
    FunctionRegistry.init();
    TSerializer serializer = new TSerializer(new TCompactProtocol.Factory());
    for (String line : Files.readAllLines(queries.toPath())) {
      System.out.println(BytesUtils.toHexString(serializer.serialize(request(JsonUtils.stringToJsonNode(line)))));
    }
    return 0;
  }

  private static InstanceRequest request(JsonNode query) {
    BrokerRequest broker = CalciteSqlCompiler.compileToBrokerRequest(query.get("sql").asText());
    PinotQuery tree = broker.getPinotQuery();
    // In an order that does not depend on hashes.
    tree.setQueryOptions(new TreeMap<>(tree.getQueryOptions()));
    List<String> segments = new ArrayList<>();
    query.get("segments").forEach(segment -> segments.add(segment.asText()));
    InstanceRequest request = new InstanceRequest();
    request.setRequestId(query.get("requestId").asLong());
    request.setQuery(broker);
    request.setSearchSegments(segments);
    request.setEnableTrace(false);
    request.setBrokerId(query.get("brokerId").asText());
    return request;
  }
}
