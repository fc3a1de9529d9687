package io.pinotage.flink.scenarios;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Topics of Kafka with numbers as text. Apart, because jobs without Kafka have none of its classes. */
final class Topics {
    private Topics() {}

    /** What the topic has when the job starts. */
    static DataStream<Long> numbers(StreamExecutionEnvironment env, String kafka, String topic) {
        KafkaSource<String> source = KafkaSource.<String>builder()
                .setBootstrapServers(kafka)
                .setTopics(topic)
                .setGroupId(topic)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setValueOnlyDeserializer(new SimpleStringSchema())
                .build();
        return env.fromSource(source, WatermarkStrategy.noWatermarks(), "kafka")
                .uid("kafka")
                .map(Long::parseLong)
                .returns(Types.LONG)
                .uid("parsed");
    }
}
