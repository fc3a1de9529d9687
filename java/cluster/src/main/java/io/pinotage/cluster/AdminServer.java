package io.pinotage.cluster;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLParameters;
import org.apache.pinot.spi.utils.JsonUtils;

/** A server's admin port: HTTP around {@link AdminApi}. */
final class AdminServer {
  private AdminServer() {
  }

  /** An answer other than 200. */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int code;

    Refusal(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  /** Opens a port on the loopback address. */
  static HttpServer open(Place cluster, int port, AdminApi api) throws IOException, GeneralSecurityException {
    InetSocketAddress address = new InetSocketAddress(Place.HOST, port);
    HttpServer server = cluster.tls() == null ? HttpServer.create(address, 0) : secure(address, cluster.tls());
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", exchange -> {
      try (exchange) {
        answer(exchange, api);
      }
    });
    server.start();
    return server;
  }

  private static HttpServer secure(InetSocketAddress address, Tls tls) throws IOException, GeneralSecurityException {
    HttpsServer server = HttpsServer.create(address, 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls.context()) {
      @Override
      public void configure(HttpsParameters parameters) {
        SSLParameters ssl = getSSLContext().getDefaultSSLParameters();
        ssl.setNeedClientAuth(tls.clientCertificates());
        parameters.setSSLParameters(ssl);
      }
    });
    return server;
  }

  private static void answer(HttpExchange exchange, AdminApi api) throws IOException {
    try {
      Object answer = api.answer(exchange.getRequestMethod(), exchange.getRequestURI(),
          exchange.getRequestHeaders().getFirst("Authorization"), exchange.getRequestBody());
      if (answer instanceof File file) {
        sendFile(exchange, file);
      } else if (answer instanceof String text) {
        send(exchange, 200, "text/plain", text);
      } else {
        send(exchange, 200, "application/json", JsonUtils.objectToString(answer));
      }
    } catch (Refusal e) {
      send(exchange, e.code, "text/plain", e.getMessage());
    } catch (Exception e) {
      send(exchange, 500, "text/plain", e.toString());
    }
  }

  private static void send(HttpExchange exchange, int code, String type, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(code, bytes.length == 0 ? -1 : bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  /** Sends a file that was made for this answer, and removes it. */
  private static void sendFile(HttpExchange exchange, File file) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
    exchange.getResponseHeaders().set("Content-Disposition", "attachment; filename=" + file.getName());
    exchange.sendResponseHeaders(200, file.length());
    try (OutputStream out = exchange.getResponseBody()) {
      Files.copy(file.toPath(), out);
    } finally {
      Files.delete(file.toPath());
    }
  }
}
