package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.arrow.ColumnBuilder;
import io.pinotage.sink.PinotSinkTable;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** Rows inside of Flink SQL. */
final class RowDataConverter implements RowConverter<RowData> {
    private static final long serialVersionUID = 1L;

    private final RowType type;
    private final LogicalType[] types;

    RowDataConverter(RowType type) {
        this.type = type;
        this.types = type.getChildren().toArray(new LogicalType[0]);
    }

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        return LogicalColumns.of(type);
    }

    @Override
    public void append(RowData row, BatchBuilder columns) {
        for (int i = 0; i < types.length; i++) {
            try {
                append(row, i, types[i], columns.column(i));
            } catch (ArithmeticException | ClassCastException | IllegalArgumentException error) {
                throw bad(row, i, columns.column(i), error);
            }
        }
    }

    /** Rows that are made by hand may have objects of other classes than their type says. */
    private static BadValueException bad(RowData row, int i, ColumnBuilder column, RuntimeException cause) {
        Object value = row instanceof GenericRowData ? ((GenericRowData) row).getField(i) : row;
        return Values.bad(value, column, cause);
    }

    @Override
    public Object value(RowData row, String column) {
        int i = type.getFieldIndex(column);
        Object value = RowData.createFieldGetter(types[i], i).getFieldOrNull(row);
        if (value instanceof TimestampData) {
            return ((TimestampData) value).getMillisecond();
        }
        if (value instanceof DecimalData) {
            return ((DecimalData) value).toBigDecimal();
        }
        return value instanceof StringData ? value.toString() : value;
    }

    private static void append(RowData row, int i, LogicalType type, ColumnBuilder column) {
        if (row.isNullAt(i)) {
            column.appendNull();
            return;
        }
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                column.appendBoolean(row.getBoolean(i));
                break;
            case TINYINT:
                column.appendInt(row.getByte(i));
                break;
            case SMALLINT:
                column.appendInt(row.getShort(i));
                break;
            case INTEGER:
            case DATE:
                column.appendInt(row.getInt(i));
                break;
            case BIGINT:
                column.appendLong(row.getLong(i));
                break;
            case FLOAT:
                column.appendFloat(row.getFloat(i));
                break;
            case DOUBLE:
                column.appendDouble(row.getDouble(i));
                break;
            case CHAR:
            case VARCHAR:
                column.appendBytes(row.getString(i).toBytes());
                break;
            case BINARY:
            case VARBINARY:
                column.appendBytes(row.getBinary(i));
                break;
            case DECIMAL:
                DecimalType decimal = (DecimalType) type;
                append(row.getDecimal(i, decimal.getPrecision(), decimal.getScale()), column);
                break;
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                int precision = LogicalTypeChecks.getPrecision(type);
                append(row.getTimestamp(i, precision), precision, column);
                break;
            case ARRAY:
                append(row.getArray(i), (ArrayType) type, column);
                break;
            case MAP:
                append(row.getMap(i), (MapType) type, column);
                break;
            case ROW:
                appendStruct(row.getRow(i, ((RowType) type).getFieldCount()), (RowType) type, column);
                break;
            default:
                throw new IllegalStateException(type.asSummaryString());
        }
    }

    private static void append(DecimalData value, ColumnBuilder column) {
        if (value.isCompact()) {
            column.appendDecimal(value.toUnscaledLong());
        } else {
            column.appendDecimal(value.toBigDecimal());
        }
    }

    private static void append(TimestampData value, int precision, ColumnBuilder column) {
        long millis = value.getMillisecond();
        column.appendLong(precision <= 3 ? millis : millis * 1000 + value.getNanoOfMillisecond() / 1000);
    }

    private static void append(ArrayData values, ArrayType type, ColumnBuilder column) {
        appendElements(values, type.getElementType(), column.elements());
        column.endValue();
    }

    private static void append(MapData pairs, MapType type, ColumnBuilder column) {
        appendElements(pairs.keyArray(), type.getKeyType(), column.keys());
        appendElements(pairs.valueArray(), type.getValueType(), column.values());
        column.endValue();
    }

    private static void appendStruct(RowData row, RowType type, ColumnBuilder column) {
        for (int i = 0; i < type.getFieldCount(); i++) {
            append(row, i, type.getTypeAt(i), column.child(i));
        }
        column.endValue();
    }

    private static void appendElements(ArrayData values, LogicalType type, ColumnBuilder column) {
        ArrayData.ElementGetter getter = ArrayData.createElementGetter(type);
        for (int i = 0; i < values.size(); i++) {
            appendObject(getter.getElementOrNull(values, i), type, column);
        }
    }

    /** An element, as it is inside of Flink. */
    private static void appendObject(Object value, LogicalType type, ColumnBuilder column) {
        if (value == null) {
            column.appendNull();
        } else if (value instanceof StringData) {
            column.appendBytes(((StringData) value).toBytes());
        } else if (value instanceof DecimalData) {
            append((DecimalData) value, column);
        } else if (value instanceof TimestampData) {
            append((TimestampData) value, LogicalTypeChecks.getPrecision(type), column);
        } else if (value instanceof ArrayData) {
            append((ArrayData) value, (ArrayType) type, column);
        } else if (value instanceof MapData) {
            append((MapData) value, (MapType) type, column);
        } else if (value instanceof RowData) {
            appendStruct((RowData) value, (RowType) type, column);
        } else if (value instanceof Boolean) {
            column.appendBoolean((Boolean) value);
        } else if (value instanceof Long) {
            column.appendLong((Long) value);
        } else if (value instanceof Float) {
            column.appendFloat((Float) value);
        } else if (value instanceof Double) {
            column.appendDouble((Double) value);
        } else if (value instanceof byte[]) {
            column.appendBytes((byte[]) value);
        } else {
            column.appendInt(((Number) value).intValue());
        }
    }
}
