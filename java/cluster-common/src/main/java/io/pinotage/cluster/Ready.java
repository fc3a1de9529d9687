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
import java.security.GeneralSecurityException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Waits until the cluster really answers: starting is not the same. */
final class Ready {
  private static final long LIMIT_MS = 120_000;
  private static final long PAUSE_MS = 50;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Place place;
  private final HttpClient http;

  Ready(Place place) throws IOException, GeneralSecurityException {
    this.place = place;
    // Grizzly never answers a POST that offers HTTP/2.
    HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
    http = (place.tls() == null ? builder : builder.sslContext(place.tls().context())).build();
  }

  void await(boolean controller, List<ServerPlace> servers) throws InterruptedException {
    long end = System.currentTimeMillis() + LIMIT_MS;
    String missing = missing(controller, servers);
    while (missing != null) {
      if (System.currentTimeMillis() > end) {
        throw new IllegalStateException("the cluster is not ready after " + LIMIT_MS / 1000 + " s: " + missing);
      }
      Thread.sleep(PAUSE_MS);
      missing = missing(controller, servers);
    }
  }

  /** What does not answer as it should, or null. */
  private String missing(boolean controller, List<ServerPlace> servers) throws InterruptedException {
    try {
      for (ServerPlace server : servers) {
        if (!getText(place.admin(server) + "/health").equals("OK")) {
          return server.instance() + " is not healthy";
        }
      }
      if (controller) {
        Set<String> known = new HashSet<>();
        get(place.controller() + "/instances").path("instances").forEach(instance -> known.add(instance.asText()));
        for (ServerPlace server : servers) {
          if (!known.contains(server.instance())) {
            return server.instance() + " is not registered";
          }
        }
        if (get(place.controller() + "/brokers/tenants/DefaultTenant").isEmpty()) {
          return "no broker is registered";
        }
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
    return send(HttpRequest.newBuilder(URI.create(url)));
  }

  private JsonNode post(String url, String body) throws IOException, InterruptedException {
    return JSON.readTree(send(HttpRequest.newBuilder(URI.create(url)).header("Content-Type", "application/json")
        .POST(BodyPublishers.ofString(body))));
  }

  private String send(HttpRequest.Builder request) throws IOException, InterruptedException {
    if (place.auth()) {
      request.header("Authorization", Users.token());
    }
    HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException(response.uri() + " answers " + response.statusCode());
    }
    return response.body();
  }
}
