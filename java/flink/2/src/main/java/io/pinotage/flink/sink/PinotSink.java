package io.pinotage.flink.sink;

import java.io.IOException;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/**
 * A Pinot table as a sink.
 *
 * <pre>{@code
 * PinotSink<Row> sink = PinotSink.<Row>builder()
 *     .controller("pinot-controller:9000")
 *     .table("orders")
 *     .staging("/shared/pinotage")
 *     .converter(RowConverters.row())
 *     .build();
 * stream.sinkTo(sink);
 * }</pre>
 *
 * <p>Rows are gathered into segments that are as large as asked for, however often there is a checkpoint; a checkpoint keeps the rows
 * of open segments in staging. Full segments come into the table when a checkpoint that has all their rows is complete, those of all
 * tasks together. After a failure each row is there once: see {@link io.pinotage.flink.DeliveryGuarantee}. The end of a bounded
 * input publishes what is left.
 *
 * @param <T> the rows
 */
public final class PinotSink<T> extends PinotSinkBase<T> implements Sink<T> {
    private static final long serialVersionUID = 1L;

    private PinotSink(SinkSettings settings, RowConverter<T> converter) {
        super(settings, converter);
    }

    /** Begins with no option set. */
    public static <T> Builder<T> builder() {
        return new Builder<>();
    }

    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) throws IOException {
        return newWriter(context);
    }

    /**
     * The options of a sink.
     *
     * @param <T> the rows
     */
    public static final class Builder<T> extends SinkBuilder<T, Builder<T>> {
        private Builder() {}

        @Override
        protected Builder<T> self() {
            return this;
        }

        @Override
        public PinotSink<T> build() {
            return new PinotSink<>(resolve(), converter());
        }
    }
}
