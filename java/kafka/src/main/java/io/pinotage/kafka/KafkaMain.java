package io.pinotage.kafka;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.tools.StorageTool;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Time;

/**
 * A Kafka broker in a folder, on free ports: prints where it listens, and obeys the lines of standard input, each with a line as its
 * answer. It ends when the input does.
 */
public final class KafkaMain {
    private final String address;

    private KafkaMain(String address) {
        this.address = address;
    }

    /** The folder, which is empty. */
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever a library prints is no answer.
        System.setOut(System.err);
        Path folder = Paths.get(args[0]);
        int port = freePort();
        String address = "127.0.0.1:" + port;
        start(folder, address, "127.0.0.1:" + freePort());
        KafkaMain broker = new KafkaMain(address);
        // A broker that answers is ready.
        try (Admin admin = broker.admin()) {
            admin.describeCluster().nodes().get();
        }
        answers.println(address);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String answer;
            try {
                broker.obey(line.split(" "));
                answer = "ok";
            } catch (Exception error) {
                error.printStackTrace();
                answer = error.toString().replace('\n', ' ');
            }
            answers.println(answer);
        }
        Runtime.getRuntime().halt(0);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void start(Path folder, String address, String controller) throws IOException {
        Properties settings = new Properties();
        settings.putAll(Map.of(
                "process.roles", "broker,controller",
                "node.id", "1",
                "controller.quorum.voters", "1@" + controller,
                "listeners", "PLAINTEXT://" + address + ",CONTROLLER://" + controller,
                "advertised.listeners", "PLAINTEXT://" + address,
                "controller.listener.names", "CONTROLLER",
                "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "log.dirs", folder.resolve("data").toString()));
        settings.putAll(Map.of(
                "offsets.topic.replication.factor", "1",
                "offsets.topic.num.partitions", "1",
                "transaction.state.log.replication.factor", "1",
                "transaction.state.log.min.isr", "1",
                "auto.create.topics.enable", "false",
                "group.initial.rebalance.delay.ms", "0"));
        Path file = folder.resolve("server.properties");
        try (var out = Files.newOutputStream(file)) {
            settings.store(out, null);
        }
        String[] format = {"format", "-t", Uuid.randomUuid().toString(), "-c", file.toString()};
        if (StorageTool.execute(format, System.err) != 0) {
            throw new IOException("cannot format " + folder);
        }
        new KafkaRaftServer(new KafkaConfig(settings), Time.SYSTEM).startup();
    }

    private void obey(String[] words) throws Exception {
        switch (words[0]) {
            case "topic":
                try (Admin admin = admin()) {
                    int partitions = Integer.parseInt(words[2]);
                    admin.createTopics(List.of(new NewTopic(words[1], partitions, (short) 1))).all().get();
                    Map<TopicPartition, OffsetSpec> all = new HashMap<>();
                    for (int partition = 0; partition < partitions; partition++) {
                        all.put(new TopicPartition(words[1], partition), OffsetSpec.latest());
                    }
                    // Leaders answer: before they do, a producer may lose its first batches to them, or wait for minutes.
                    admin.listOffsets(all).all().get();
                }
                return;
            case "numbers":
                numbers(words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]), Long.parseLong(words[4]));
                return;
            default:
                throw new IllegalArgumentException("no such command: " + words[0]);
        }
    }

    /** Numbers as text, each into the partition of its remainder. All of them are there in the end, or it throws. */
    private void numbers(String topic, int partitions, long begin, long end) throws Exception {
        AtomicReference<Exception> failure = new AtomicReference<>();
        Map<String, Object> settings = Map.of("bootstrap.servers", address, "acks", "all", "linger.ms", "20");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (long number = begin; number < end; number++) {
                byte[] value = Long.toString(number).getBytes(StandardCharsets.UTF_8);
                producer.send(new ProducerRecord<>(topic, (int) (number % partitions), null, value), (written, error) -> {
                    if (error != null) {
                        failure.compareAndSet(null, error);
                    }
                });
            }
            producer.flush();
        }
        if (failure.get() != null) {
            throw failure.get();
        }
    }

    private Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", address));
    }
}
