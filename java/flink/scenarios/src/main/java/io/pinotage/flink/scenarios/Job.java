package io.pinotage.flink.scenarios;

import io.pinotage.flink.DeliveryGuarantee;
import io.pinotage.flink.sink.PinotSink;
import io.pinotage.flink.sink.RefusedRow;
import io.pinotage.flink.sink.RowConverter;
import io.pinotage.flink.sink.RowChecker;
import io.pinotage.flink.sink.RowConverters;
import io.pinotage.flink.source.PinotSource;
import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;

/** Numbered rows into a table, in a cluster of its own. */
final class Job {
    private static final long LIMIT_MINUTES = 8;

    private final Options options;

    Job(Options options) {
        this.options = options;
    }

    /**
     * {@code finish} runs it to its end; {@code stop} stops it with a savepoint and {@code cancel} cancels it when there are
     * {@code until} checkpoints; {@code savepoint} takes one then, and cancels it {@code later} checkpoints later.
     * {@code sql} runs a script in its place.
     */
    String run(String how) throws Exception {
        if (how.equals("sql")) {
            return Sql.run(options, configuration());
        }
        Seen.clear();
        Faults.arm((int) options.number("failures", 0), options.number("seed", 0));
        JobClient client = submit();
        if (how.equals("finish")) {
            client.getJobExecutionResult().get(LIMIT_MINUTES, TimeUnit.MINUTES);
            return "failures left " + Faults.left() + (options.has("metrics") ? " " + Seen.sums() : "");
        }
        awaitCheckpoints(options.number("until", 4));
        if (how.equals("stop")) {
            String folder = options.text("savepoints");
            return client.stopWithSavepoint(false, folder, SavepointFormatType.CANONICAL)
                    .get(LIMIT_MINUTES, TimeUnit.MINUTES);
        }
        String savepoint = "cancelled";
        if (how.equals("savepoint")) {
            savepoint = client.triggerSavepoint(options.text("savepoints"), SavepointFormatType.CANONICAL)
                    .get(LIMIT_MINUTES, TimeUnit.MINUTES);
            // A savepoint has a number of its own.
            awaitCheckpoints(options.number("until", 4) + 1 + options.number("later", 10));
        }
        client.cancel().get(LIMIT_MINUTES, TimeUnit.MINUTES);
        return savepoint;
    }

    /** Starts it, and waits for nothing. */
    JobClient submit() throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        env.setParallelism((int) options.number("parallelism", 2));
        DataStream<Long> numbers = numbers(env)
                .map(new Faults(options.number("rate", 0)))
                .uid("faults");
        switch (options.text("converter", "rowData")) {
            case "rowData":
                sink(numbers, Rows::rowData, InternalTypeInfo.of(Rows.TYPE), RowConverters.rowData(Rows.TYPE));
                break;
            case "row":
                TypeInformation<Row> row = TypeInformation.of(Row.class);
                sink(numbers, Rows::row, row, RowConverters.row(Rows.NAMES));
                break;
            case "wrong":
                sink(numbers, Rows::wrong, TypeInformation.of(Row.class), RowConverters.row(Rows.NAMES));
                break;
            case "pojo":
                sink(numbers, Order::of, TypeInformation.of(Order.class), RowConverters.pojo(Order.class));
                break;
            case "avro":
                sink(numbers, id -> id, Types.LONG, new Records());
                break;
            case "map":
                TypeInformation<Map<String, ?>> map = TypeInformation.of(new TypeHint<Map<String, ?>>() {});
                sink(numbers, Rows::map, map, RowConverters.map());
                break;
            default:
                throw new IllegalArgumentException("no such converter");
        }
        return env.executeAsync(options.text("job", "flink"));
    }

    /** Numbers from 0 on, or those of a table of Pinot that {@code read} names, or of a Kafka topic. */
    private DataStream<Long> numbers(StreamExecutionEnvironment env) {
        if (options.has("topic")) {
            return Topics.numbers(env, options.text("kafka"), options.text("topic"));
        }
        if (!options.has("read")) {
            return env.fromSequence(0, options.number("rows", 0) - 1).uid("numbers");
        }
        ScanOptions table = ScanOptions.of(options.text("read"));
        RowType type = RowType.of(new LogicalType[] {new BigIntType(false)}, new String[] {"id"});
        PinotSource source =
                new PinotSource(table, new ScanRequest().columns(Collections.singletonList("id")), type);
        return env.fromSource(source, WatermarkStrategy.noWatermarks(), "pinot")
                .uid("pinot")
                .map(row -> row.getLong(0))
                .returns(Types.LONG)
                .uid("ids");
    }

    private void awaitCheckpoints(long count) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(LIMIT_MINUTES);
        Path folder = Paths.get(URI.create(options.text("checkpoints")));
        while (completed(folder) < count) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("no " + count + " checkpoints in " + LIMIT_MINUTES + " minutes");
            }
            Thread.sleep(20);
        }
    }

    /** The number of the latest checkpoint: older ones may be gone. */
    private static long completed(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.endsWith("_metadata"))
                    .map(file -> file.getParent().getFileName().toString())
                    .mapToLong(name -> Long.parseLong(name.substring("chk-".length())))
                    .max()
                    .orElse(0);
        } catch (UncheckedIOException goneMeanwhile) {
            return 0;
        }
    }

    private <T> void sink(
            DataStream<Long> numbers, MapFunction<Long, T> rows, TypeInformation<T> type, RowConverter<T> converter) {
        PinotSink.Builder<T> sink = PinotSink.<T>builder()
                .controller(options.text("controller"))
                .table(options.text("table"))
                .job(options.text("job", "flink"))
                .staging(options.text("staging"))
                .converter(converter)
                .deliveryGuarantee(DeliveryGuarantee.valueOf(options.text("guarantee", "EXACTLY_ONCE")))
                .segmentRows(options.number("segmentRows", 1_000_000))
                .publishInterval(Duration.ofMillis(options.number("publishMillis", 1_000)))
                .batchRows((int) options.number("batchRows", 1_000));
        if (options.has("quarantine")) {
            sink.quarantine(options.text("quarantine"), options.number("errors", 0));
        }
        if (options.has("retention")) {
            sink.stagingRetention(Duration.ofMillis(options.number("retention", 0)));
        }
        if (options.has("extra")) {
            sink.extraColumns(true);
        }
        if (options.has("foreign")) {
            sink.option("sink.push.foreign", options.text("foreign"));
        }
        if (options.has("window")) {
            sink.segmentEventTimeWindow(Duration.ofSeconds(options.number("window", 0)));
        }
        if (options.has("age")) {
            sink.segmentAge(Duration.ofMillis(options.number("age", 0)));
        }
        // The time of a row is its number, in milliseconds.
        WatermarkStrategy<Long> time = WatermarkStrategy.<Long>forBoundedOutOfOrderness(Duration.ofMillis(options.number("disorder", 0)))
                .withTimestampAssigner((id, before) -> Rows.BEGIN_MILLIS + id);
        DataStream<Long> timed = options.has("window") ? numbers.assignTimestampsAndWatermarks(time).uid("time") : numbers;
        SingleOutputStreamOperator<T> made = timed.map(rows).returns(type).uid("rows");
        PinotSink<T> built = sink.build();
        if (options.has("refused")) {
            made = built.split(made).uid("split");
            keep(made.getSideOutput(RowChecker.REFUSED));
        }
        made.sinkTo(built).uid("sink");
    }

    /** Refused rows into a table of their own. */
    private void keep(DataStream<RefusedRow> refused) {
        PinotSink<RefusedRow> sink = PinotSink.<RefusedRow>builder()
                .controller(options.text("controller"))
                .table(options.text("refused"))
                .job("refused")
                .staging(options.text("staging"))
                .converter(RowConverters.pojo(RefusedRow.class))
                .publishInterval(Duration.ofMillis(options.number("publishMillis", 1_000)))
                .build();
        refused.sinkTo(sink).uid("refused");
    }

    private Configuration configuration() {
        Configuration configuration = new Configuration();
        configuration.setString("execution.runtime-mode", options.text("mode", "STREAMING"));
        if (options.has("metrics")) {
            configuration.setString("metrics.reporter.seen.factory.class", Seen.Factory.class.getName());
        }
        configuration.setString("restart-strategy.type", "fixed-delay");
        configuration.setString("restart-strategy.fixed-delay.delay", "200 ms");
        configuration.setString("restart-strategy.fixed-delay.attempts", options.text("restarts", "0"));
        if (options.has("checkpointMillis")) {
            configuration.setString("execution.checkpointing.interval", options.text("checkpointMillis") + " ms");
            configuration.setString("execution.checkpointing.dir", options.text("checkpoints"));
            configuration.setString("execution.checkpointing.num-retained", options.text("retained", "1"));
            configuration.setString(
                    "execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
            configuration.setString("execution.checkpointing.unaligned.enabled", options.text("unaligned", "false"));
        }
        if (options.has("from")) {
            configuration.setString("execution.state-recovery.path", options.text("from"));
        }
        return configuration;
    }
}
