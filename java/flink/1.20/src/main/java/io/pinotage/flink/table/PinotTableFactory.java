package io.pinotage.flink.table;

import io.pinotage.flink.sink.PinotSink;
import io.pinotage.flink.sink.SinkBuilder;
import org.apache.flink.table.data.RowData;

/** {@code 'connector' = 'pinotage'}. Flink finds it by {@code META-INF/services}. */
public final class PinotTableFactory extends PinotTableFactoryBase {
    @Override
    protected SinkBuilder<RowData, ?> sink() {
        return PinotSink.builder();
    }
}
