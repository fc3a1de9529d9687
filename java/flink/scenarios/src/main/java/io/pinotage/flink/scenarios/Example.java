package io.pinotage.flink.scenarios;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;

/** Makes the table of an example from the documents beside it, and runs the example if it is SQL. */
public final class Example {
    private static final String CONTROLLER = "localhost:9000";

    private Example() {}

    /** The example's file, and where the controller is if that is not where examples say. */
    public static void main(String[] args) throws Exception {
        Path file = Paths.get(args[0]);
        String controller = args.length > 1 ? args[1] : CONTROLLER;
        create(controller, "/schemas", file.resolveSibling("schema.json"));
        create(controller, "/tables", file.resolveSibling("table.json"));
        if (!file.toString().endsWith(".sql")) {
            return;
        }
        Path script = Files.createTempFile("pinotage", ".sql");
        Files.writeString(script, Files.readString(file).replace(CONTROLLER, controller));
        Map<String, String> options = new TreeMap<>(Map.of("script", script.toString()));
        Configuration configuration = new Configuration();
        configuration.setString("execution.checkpointing.interval", "1 s");
        System.out.println(Sql.run(new Options(options), configuration));
        Files.delete(script);
    }

    /** What is there already stays. */
    private static void create(String controller, String path, Path document) throws IOException, InterruptedException {
        String url = (controller.contains("://") ? "" : "http://") + controller + path;
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofFile(document))
                .build();
        // Pinot's controllers wait for ever for the body of a POST that offers HTTP/2.
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200 && answer.statusCode() != 409) {
            throw new IOException(url + " answers " + answer.statusCode() + ": " + answer.body());
        }
    }
}
