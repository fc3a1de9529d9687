package io.pinotage.spark;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The options of Pinot's own connector, so that a job changes its format's name and nothing else. {@code docs/guide/spark.md} has a
 * table of all of them: what each becomes, and what is not needed any more.
 */
final class OldOptions {
    private static final Logger LOG = LoggerFactory.getLogger(OldOptions.class);

    /** What has no meaning here, and did no harm there. */
    private static final String[] NOT_NEEDED = {
        "broker", "segmentsPerSplit", "failOnInvalidSegments", "grpc.port", "grpc.max-inbound-message-size",
        "grpc.tls.keystore-type", "grpc.tls.keystore-path", "grpc.tls.keystore-password", "grpc.tls.truststore-type",
        "grpc.tls.truststore-path", "grpc.tls.truststore-password", "grpc.tls.ssl-provider"
    };

    /** What its writer was told of a table, which here says it itself. */
    private static final String[] OF_WRITER = {
        "segmentNameFormat", "invertedIndexColumns", "noDictionaryColumns", "bloomFilterColumns", "rangeIndexColumns",
        "timeColumnName", "timeFormat", "timeGranularity"
    };

    private static final String DEFAULT_CONTROLLER = "localhost:9000";

    /** All of them, in any case, but for those that are options here by the same name. */
    static final TreeSet<String> NAMES = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);

    static {
        NAMES.addAll(Arrays.asList(NOT_NEEDED));
        NAMES.addAll(Arrays.asList(OF_WRITER));
        NAMES.addAll(Arrays.asList(
                "pinotServerTimeoutMs", "useGrpcServer", "queryOptions", "secureMode", "useHttps", "keystorePath",
                "keystorePassword", "truststorePath", "truststorePassword", "authHeader", "authToken", "proxy.enabled",
                "grpc.use-plain-text", "grpc.proxy-uri"));
    }

    private OldOptions() {}

    /** Adds what the options say to those of ours; what these say already stays. */
    static void translate(TreeMap<String, String> old, TreeMap<String, String> options) {
        boolean isOld = options.containsKey(PinotOptions.TABLE_TYPE);
        boolean isNamed = options.getOrDefault(PinotOptions.TABLE, options.getOrDefault(PinotOptions.PATH, "")).contains("://");
        if (isOld && !isNamed && options.keySet().stream().noneMatch(OldOptions::namesCluster)) {
            options.put(PinotOptions.CONTROLLER, DEFAULT_CONTROLLER);
        }
        for (String name : OF_WRITER) {
            if (old.containsKey(name)) {
                throw new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "`" + name + "` is what the table's schema and config say, which the controller has",
                        "leave it out; a table that is made here takes its config from `create.tableConfig`");
            }
        }
        for (String name : NOT_NEEDED) {
            if (old.containsKey(name)) {
                LOG.warn("the option `{}` is not needed and has no effect", name);
            }
        }
        String timeout = old.get("pinotServerTimeoutMs");
        if (timeout != null) {
            options.putIfAbsent("timeout", timeout + "ms");
        }
        if (is(old, "useGrpcServer")) {
            options.putIfAbsent("transport", "grpc");
        }
        boolean https = old.containsKey("useHttps") ? is(old, "useHttps") : is(old, "secureMode");
        String controller = options.get(PinotOptions.CONTROLLER);
        if (https && controller != null && !controller.contains("://")) {
            options.put(PinotOptions.CONTROLLER, "https://" + controller);
        }
        if (old.containsKey("grpc.use-plain-text")) {
            options.putIfAbsent("serverTls", Boolean.toString(!is(old, "grpc.use-plain-text")));
        }
        connection(old, options);
        queryOptions(old.getOrDefault("queryOptions", ""), options);
        for (String proxy : new String[] {"proxy.enabled", "grpc.proxy-uri"}) {
            if (old.containsKey(proxy) && !"false".equalsIgnoreCase(old.get(proxy))) {
                throw new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "`" + proxy + "`: proxies that are told by headers where to go are not used",
                        "name an HTTP proxy that allows CONNECT by `connection.proxy.url`");
            }
        }
    }

    private static boolean namesCluster(String name) {
        return name.equals(PinotOptions.CONTROLLER) || name.startsWith(PinotOptions.CONNECTION);
    }

    private static boolean is(Map<String, String> old, String name) {
        return "true".equalsIgnoreCase(old.get(name));
    }

    private static void connection(Map<String, String> old, Map<String, String> options) {
        String[][] stores = {
            {"keystorePath", "connection.tls.keyStore.path"},
            {"keystorePassword", "connection.tls.keyStore.password"},
            {"truststorePath", "connection.tls.trustStore.path"},
            {"truststorePassword", "connection.tls.trustStore.password"},
        };
        for (String[] store : stores) {
            if (old.containsKey(store[0])) {
                options.putIfAbsent(store[1], old.get(store[0]));
            }
        }
        String token = old.get("authToken");
        if (token == null) {
            return;
        }
        String header = old.get("authHeader");
        if (header == null) {
            options.putIfAbsent("connection.auth.kind", "bearer");
            options.putIfAbsent("connection.auth.token", token);
        } else {
            options.putIfAbsent("connection.auth.kind", "header");
            options.putIfAbsent("connection.auth.name", header);
            options.putIfAbsent("connection.auth.value", token);
        }
    }

    /** {@code k=v} behind one another, those that mean something for a scan. */
    private static void queryOptions(String text, Map<String, String> options) {
        for (String one : text.split(",")) {
            if (one.isBlank()) {
                continue;
            }
            String[] parts = one.trim().split("\\s*=\\s*", 2);
            String value = parts.length == 2 ? parts[1] : "";
            switch (parts[0].toLowerCase(Locale.ROOT)) {
                case "enablenullhandling":
                    options.putIfAbsent("nulls", value.equalsIgnoreCase("true") ? "sql" : "default");
                    break;
                case "timeoutms":
                    options.putIfAbsent("timeout", value + "ms");
                    break;
                case "maxexecutionthreads":
                    options.putIfAbsent("maxExecutionThreads", value);
                    break;
                default:
                    throw new PinotageException(
                            ErrorKind.UNSUPPORTED,
                            "`queryOptions`: `" + parts[0] + "` is not sent to servers",
                            "leave it out; `enableNullHandling`, `timeoutMs` and `maxExecutionThreads` are understood");
            }
        }
    }
}
