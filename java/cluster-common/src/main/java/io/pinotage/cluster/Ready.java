package io.pinotage.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Waits until the cluster really answers: starting is not the same. */
final class Ready {
  private static final long LIMIT_MS = 120_000;
  private static final long PAUSE_MS = 50;
  private static final ObjectMapper JSON = new ObjectMapper();

  // Grizzly never answers a POST that offers HTTP/2.
  private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private Ready() {
  }

  static void await(Place place, List<ServerPlace> servers) throws InterruptedException {
    Ready ready = new Ready();
    long end = System.currentTimeMillis() + LIMIT_MS;
    String missing = ready.missing(place, servers);
    while (missing != null) {
      if (System.currentTimeMillis() > end) {
        throw new IllegalStateException("the cluster is not ready after " + LIMIT_MS / 1000 + " s: " + missing);
      }
      Thread.sleep(PAUSE_MS);
      missing = ready.missing(place, servers);
    }
  }

  /** What does not answer as it should, or null. */
  private String missing(Place place, List<ServerPlace> servers) throws InterruptedException {
    try {
      JsonNode instances = get(place.controller() + "/instances").path("instances");
      Set<String> known = new HashSet<>();
      instances.forEach(instance -> known.add(instance.asText()));
      for (ServerPlace server : servers) {
        if (!known.contains(server.instance())) {
          return server.instance() + " is not registered";
        }
        if (!getText(server.admin() + "/health").equals("OK")) {
          return server.instance() + " is not healthy";
        }
      }
      if (get(place.controller() + "/brokers/tenants/DefaultTenant").isEmpty()) {
        return "no broker is registered";
      }
      if (!getText(place.broker() + "/health").equals("OK")) {
        return "the broker is not healthy";
      }
      JsonNode rows = post(place.broker() + "/query/sql", "{\"sql\": \"SELECT 1\"}").path("resultTable").path("rows");
      return rows.path(0).path(0).asInt() == 1 ? null : "the broker does not answer";
    } catch (IOException e) {
      return e.toString();
    }
  }

  private JsonNode get(String url) throws IOException, InterruptedException {
    return JSON.readTree(getText(url));
  }

  private String getText(String url) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(URI.create(url)).build());
  }

  private JsonNode post(String url, String body) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(url)).header("Content-Type", "application/json")
        .POST(BodyPublishers.ofString(body)).build();
    return JSON.readTree(send(request));
  }

  private String send(HttpRequest request) throws IOException, InterruptedException {
    HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException(request.uri() + " answers " + response.statusCode());
    }
    return response.body();
  }
}
