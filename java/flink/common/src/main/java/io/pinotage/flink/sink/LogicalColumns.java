package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.TimestampType;

/** Flink's types as those of columns. */
final class LogicalColumns {
    /** More digits of a second than milliseconds have. */
    private static final int MILLIS = 3;

    private LogicalColumns() {}

    /** The columns of rows of a type. */
    static ArrowSchema of(RowType type) {
        List<ArrowField> fields = new ArrayList<>();
        for (RowType.RowField field : type.getFields()) {
            fields.add(field(field.getName(), field.getType()));
        }
        return new ArrowSchema(fields);
    }

    private static ArrowField field(String name, LogicalType type) {
        boolean nullable = type.isNullable();
        switch (type.getTypeRoot()) {
            case ARRAY:
                return ArrowField.list(name, nullable, field("item", ((ArrayType) type).getElementType()));
            case MAP:
                MapType map = (MapType) type;
                ArrowType keys = field(name, map.getKeyType()).type();
                return ArrowField.map(name, nullable, keys, field("values", map.getValueType()));
            case ROW:
                List<ArrowField> children = of((RowType) type).fields();
                return ArrowField.struct(name, nullable, children.toArray(new ArrowField[0]));
            default:
                return ArrowField.of(name, single(name, type), nullable);
        }
    }

    private static ArrowType single(String name, LogicalType type) {
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                return ArrowType.BOOL;
            case TINYINT:
            case SMALLINT:
            case INTEGER:
                return ArrowType.INT32;
            case BIGINT:
                return ArrowType.INT64;
            case FLOAT:
                return ArrowType.FLOAT32;
            case DOUBLE:
                return ArrowType.FLOAT64;
            case CHAR:
            case VARCHAR:
                return ArrowType.UTF8;
            case BINARY:
                return ArrowType.fixedSizeBinary(((BinaryType) type).getLength());
            case VARBINARY:
                return ArrowType.BINARY;
            case DECIMAL:
                return ArrowType.decimal128(((DecimalType) type).getPrecision(), ((DecimalType) type).getScale());
            case DATE:
                return ArrowType.DATE32;
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return ((LocalZonedTimestampType) type).getPrecision() <= MILLIS
                        ? ArrowType.TIMESTAMP_MILLIS_UTC
                        : ArrowType.TIMESTAMP_MICROS_UTC;
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return ((TimestampType) type).getPrecision() <= MILLIS
                        ? ArrowType.timestampMillis(null)
                        : ArrowType.timestampMicros(null);
            default:
                throw new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "column `" + name + "` is of type " + type.asSummaryString() + ", which no column of Pinot can have",
                        "CAST it in the query, or leave it out");
        }
    }
}
