package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.ColumnBuilder;
import io.pinotage.sink.PinotSinkTable;
import java.util.Map;

/** Maps as rows. */
final class MapConverter implements RowConverter<Map<String, ?>> {
    private static final long serialVersionUID = 1L;

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        return table.schema();
    }

    @Override
    public void append(Map<String, ?> row, BatchBuilder columns) {
        int count = columns.schema().fields().size();
        for (int i = 0; i < count; i++) {
            ColumnBuilder column = columns.column(i);
            Values.append(row.get(column.field().name()), column);
        }
    }

    @Override
    public Object value(Map<String, ?> row, String column) {
        return Values.deciding(row.get(column));
    }
}
