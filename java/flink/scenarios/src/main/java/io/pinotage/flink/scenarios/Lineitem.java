package io.pinotage.flink.scenarios;

import io.pinotage.flink.sink.PinotSink;
import io.pinotage.flink.sink.RowConverters;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.util.Collector;

/** The program of benches/flink.py: lineitem of TPC-H from CSV files into a table, in a cluster of its own. */
public final class Lineitem {
    private static final int COLUMNS = 16;
    private static final int LONGS = 3;
    private static final int DOUBLES = 8;

    private Lineitem() {}

    /**
     * Options as those of scenarios: {@code files} with commas between; {@code sink}, {@code pinot} or {@code none}; {@code parallelism},
     * {@code segmentRows} and perhaps {@code checkpointMillis}.
     */
    public static void main(String[] args) throws Exception {
        Options options = Options.of(args);
        Configuration configuration = new Configuration();
        configuration.setString("pipeline.object-reuse", "true");
        if (options.has("checkpointMillis")) {
            configuration.setString("execution.checkpointing.interval", options.text("checkpointMillis") + " ms");
            configuration.setString("execution.checkpointing.dir", options.text("checkpoints"));
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism((int) options.number("parallelism", 1));
        String[] files = options.text("files").split(",");
        RowType type = type();
        DataStream<RowData> rows = env.fromSequence(0, files.length - 1)
                .flatMap(new Lines(files))
                .returns(InternalTypeInfo.of(type));
        if (options.text("sink").equals("none")) {
            rows.filter(row -> row.getArity() < COLUMNS).print();
        } else {
            rows.sinkTo(PinotSink.<RowData>builder()
                    .controller(options.text("controller"))
                    .table("lineitem")
                    .staging(options.text("staging"))
                    .converter(RowConverters.rowData(type))
                    .segmentRows(options.number("segmentRows", 300_000))
                    .build());
        }
        env.execute("lineitem");
        System.exit(0);
    }

    private static RowType type() {
        String[] names = {
            "l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_discount", "l_tax",
            "l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate", "l_receiptdate", "l_shipinstruct", "l_shipmode", "l_comment"
        };
        LogicalType[] types = new LogicalType[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
            types[i] = i < LONGS
                    ? new BigIntType()
                    : i == LONGS ? new IntType() : i < DOUBLES ? new DoubleType() : VarCharType.STRING_TYPE;
        }
        return RowType.of(types, names);
    }

    /** The rows of files that are named by their number. The last column alone may be quoted. */
    private static final class Lines extends RichFlatMapFunction<Long, RowData> {
        private static final long serialVersionUID = 1L;

        private final String[] files;

        Lines(String[] files) {
            this.files = files;
        }

        @Override
        public void flatMap(Long file, Collector<RowData> rows) throws Exception {
            try (BufferedReader lines =
                    Files.newBufferedReader(Paths.get(files[Math.toIntExact(file)]), StandardCharsets.UTF_8)) {
                lines.readLine();
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    rows.collect(row(line));
                }
            }
        }

        private static RowData row(String line) {
            GenericRowData row = new GenericRowData(COLUMNS);
            int begin = 0;
            for (int i = 0; i < COLUMNS; i++) {
                int end = i == COLUMNS - 1 ? line.length() : line.indexOf(',', begin);
                row.setField(i, value(i, line.substring(begin, end)));
                begin = end + 1;
            }
            return row;
        }

        private static Object value(int column, String text) {
            if (column < LONGS) {
                return Long.parseLong(text);
            }
            if (column == LONGS) {
                return Integer.parseInt(text);
            }
            return column < DOUBLES ? (Object) Double.parseDouble(text) : StringData.fromString(text);
        }
    }
}
