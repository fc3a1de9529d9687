import io.pinotage.flink.sink.PinotSink;
import io.pinotage.flink.sink.RowConverters;
import java.time.Instant;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.types.Row;

/** A hundred thousand orders into a Pinot table, with a checkpoint each second. */
public class Orders {
    public static void main(String[] args) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.enableCheckpointing(1_000);

        PinotSink<Row> sink = PinotSink.<Row>builder()
                .controller(args.length > 0 ? args[0] : "localhost:9000")
                .table("orders")
                .job("orders-stream")
                .staging("/tmp/pinotage")
                .converter(RowConverters.row("id", "customer", "price", "at"))
                .segmentRows(40_000)
                .build();

        env.fromSequence(1, 100_000)
                .map(id -> Row.of(
                        id, "c" + id % 1000, id % 97 + 0.5, Instant.ofEpochMilli(1_700_000_000_000L + id * 1000)))
                .returns(TypeInformation.of(Row.class))
                .sinkTo(sink)
                .uid("pinot");

        env.execute("orders");
    }
}
