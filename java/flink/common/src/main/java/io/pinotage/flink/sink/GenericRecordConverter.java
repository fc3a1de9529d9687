package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotSinkTable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericEnumSymbol;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/** Records of Avro as rows. The only class that needs Avro, which jobs with such rows have. */
public final class GenericRecordConverter implements RowConverter<GenericRecord> {
    private static final long serialVersionUID = 1L;
    private static final long MICROS = 1_000_000;

    private final String schemaJson;
    private transient Schema schema;

    private GenericRecordConverter(Schema schema) {
        this.schemaJson = schema.toString();
    }

    /** Records of a schema; all of its fields are columns of the table. */
    public static RowConverter<GenericRecord> of(Schema schema) {
        return new GenericRecordConverter(schema);
    }

    private Schema schema() {
        if (schema == null) {
            schema = new Schema.Parser().parse(schemaJson);
        }
        return schema;
    }

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        List<ArrowField> fields = new ArrayList<>();
        for (Schema.Field field : schema().getFields()) {
            fields.add(Columns.of(table, field.name()));
        }
        return new ArrowSchema(fields);
    }

    @Override
    public void append(GenericRecord row, BatchBuilder columns) {
        List<Schema.Field> fields = schema().getFields();
        for (int i = 0; i < fields.size(); i++) {
            Object value = row.get(fields.get(i).name());
            try {
                Values.append(plain(value, fields.get(i).schema()), columns.column(i));
            } catch (ClassCastException | AvroRuntimeException error) {
                throw Values.bad(value, columns.column(i), error);
            }
        }
    }

    @Override
    public Object value(GenericRecord row, String column) {
        return Values.deciding(plain(row.get(column), schema().getField(column).schema()));
    }

    /** What Avro writes as numbers and bytes, as what it means. */
    private static Object plain(Object value, Schema declared) {
        if (value == null) {
            return null;
        }
        Schema type = declared.getType() == Schema.Type.UNION ? declared.getTypes().get(
                org.apache.avro.generic.GenericData.get().resolveUnion(declared, value)) : declared;
        LogicalType meaning = type.getLogicalType();
        if (meaning instanceof LogicalTypes.TimestampMicros && value instanceof Long) {
            long micros = (Long) value;
            return Instant.ofEpochSecond(Math.floorDiv(micros, MICROS), Math.floorMod(micros, MICROS) * 1000);
        }
        if (meaning instanceof LogicalTypes.Date && value instanceof Integer) {
            return LocalDate.ofEpochDay((Integer) value).atStartOfDay(ZoneOffset.UTC).toInstant();
        }
        if (meaning instanceof LogicalTypes.Decimal && !(value instanceof BigDecimal)) {
            byte[] bytes = value instanceof GenericFixed ? ((GenericFixed) value).bytes() : bytes((ByteBuffer) value);
            return new BigDecimal(new BigInteger(bytes), ((LogicalTypes.Decimal) meaning).getScale());
        }
        if (value instanceof GenericFixed) {
            return ((GenericFixed) value).bytes();
        }
        if (value instanceof GenericEnumSymbol) {
            return value.toString();
        }
        if (type.getType() == Schema.Type.ARRAY) {
            List<Object> elements = new ArrayList<>();
            for (Object element : (Iterable<?>) value) {
                elements.add(plain(element, type.getElementType()));
            }
            return elements;
        }
        return value;
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
