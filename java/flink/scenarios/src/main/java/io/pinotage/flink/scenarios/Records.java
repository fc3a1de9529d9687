package io.pinotage.flink.scenarios;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.flink.sink.GenericRecordConverter;
import io.pinotage.flink.sink.RowConverter;
import io.pinotage.sink.PinotSinkTable;
import java.time.Instant;
import java.util.Arrays;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.apache.flink.types.Row;

/** Numbers as records of Avro, made behind Flink's own copying. */
final class Records implements RowConverter<Long> {
    private static final long serialVersionUID = 1L;
    private static final String SCHEMA = "{'type': 'record', 'name': 'r', 'fields': ["
            + "{'name': 'id', 'type': 'long'}, {'name': 'key', 'type': ['null', 'string']}, {'name': 'price', 'type': 'double'},"
            + "{'name': 'at', 'type': {'type': 'long', 'logicalType': 'timestamp-micros'}},"
            + "{'name': 'tags', 'type': {'type': 'array', 'items': 'string'}}]}";

    private final RowConverter<GenericRecord> converter = GenericRecordConverter.of(schema());

    private static Schema schema() {
        return new Schema.Parser().parse(SCHEMA.replace('\'', '"'));
    }

    private static GenericRecord record(long id) {
        Row row = Rows.row(id);
        GenericRecord record = new GenericData.Record(schema());
        record.put("id", id);
        record.put("key", new Utf8((String) row.getField(1)));
        record.put("price", row.getField(2));
        record.put("at", ((Instant) row.getField(3)).toEpochMilli() * 1000);
        record.put("tags", Arrays.asList((String[]) row.getField(4)));
        return record;
    }

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        return converter.columns(table);
    }

    @Override
    public void append(Long row, BatchBuilder columns) {
        converter.append(record(row), columns);
    }

    @Override
    public Object value(Long row, String column) {
        return converter.value(record(row), column);
    }
}
