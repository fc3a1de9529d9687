package io.pinotage.flink.sink;

import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.RejectedRow;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.OutputTag;

/**
 * Before a sink: rows that its table does not take become a side output. They are found by the conversion that the sink itself has. Rows
 * wait for a batch of them, and for no checkpoint or watermark.
 *
 * @param <T> the rows
 */
public final class RowChecker<T> extends AbstractStreamOperator<T> implements OneInputStreamOperator<T, T>, BoundedOneInput {
    private static final long serialVersionUID = 1L;

    /** The side output: rows that the table does not take. */
    public static final OutputTag<RefusedRow> REFUSED =
            new OutputTag<>("pinotage-refused", TypeInformation.of(RefusedRow.class));

    private final SinkSettings settings;
    private final RowConverter<T> converter;

    private transient PinotSinkTable table;
    private transient BatchBuilder batch;
    private transient List<StreamRecord<T>> waiting;
    /** Copies rows that somebody else may change while they wait; null where nobody does. */
    private transient TypeSerializer<T> copies;

    RowChecker(SinkSettings settings, RowConverter<T> converter) {
        this.settings = settings;
        this.converter = converter;
    }

    @Override
    public void open() throws Exception {
        super.open();
        table = PinotSinkTable.of(settings.description());
        batch = new BatchBuilder(settings.columns());
        waiting = new ArrayList<>();
        boolean isReused = getExecutionConfig().isObjectReuseEnabled();
        copies = isReused ? getOperatorConfig().getTypeSerializerIn(0, getUserCodeClassloader()) : null;
    }

    @Override
    public void processElement(StreamRecord<T> element) {
        T row = copies == null ? element.getValue() : copies.copy(element.getValue());
        StreamRecord<T> kept = element.copy(row);
        if (!converter.takes(row)) {
            output.collect(kept);
            return;
        }
        try {
            converter.append(row, batch);
            batch.endRow();
            waiting.add(kept);
        } catch (BadValueException bad) {
            batch.dropRow();
            refuse(RowText.rejected(bad, row, converter, settings.columns()));
        } catch (RuntimeException error) {
            batch.dropRow();
            throw error;
        }
        if (batch.isFull(settings.batchRows())) {
            flush();
        }
    }

    private void refuse(RejectedRow row) {
        output.collect(REFUSED, new StreamRecord<>(RefusedRow.of(row)));
    }

    private void flush() {
        if (waiting.isEmpty()) {
            return;
        }
        BitSet refused = new BitSet(waiting.size());
        for (RejectedRow row : table.rejected(batch.finish())) {
            refused.set(row.row());
            refuse(row);
        }
        for (int i = 0; i < waiting.size(); i++) {
            if (!refused.get(i)) {
                output.collect(waiting.get(i));
            }
        }
        waiting.clear();
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
        flush();
        super.prepareSnapshotPreBarrier(checkpoint);
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        flush();
        super.processWatermark(mark);
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) throws Exception {
        flush();
        super.processWatermarkStatus(status);
    }

    @Override
    public void endInput() {
        flush();
    }

    @Override
    public void close() throws Exception {
        if (batch != null) {
            batch.close();
        }
        if (table != null) {
            table.close();
        }
        super.close();
    }
}
