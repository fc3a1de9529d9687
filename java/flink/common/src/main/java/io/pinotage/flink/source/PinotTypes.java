package io.pinotage.flink.source;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowType;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanColumn;
import io.pinotage.scan.ScanOptions;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/**
 * Columns of Pinot as those of Flink: TIMESTAMP is {@code TIMESTAMP_LTZ(3)}, BIG_DECIMAL is {@code STRING} unless digits are named,
 * JSON is {@code STRING}, a multi-value column an {@code ARRAY}.
 */
public final class PinotTypes {
    private PinotTypes() {}

    /** The columns of a table. */
    public static RowType of(ScanOptions options) {
        try (PinotTable table = PinotTable.open(options)) {
            List<RowType.RowField> fields = new ArrayList<>();
            for (ScanColumn column : table.columns()) {
                fields.add(new RowType.RowField(column.name(), of(column.field()).getLogicalType()));
            }
            return new RowType(false, fields);
        }
    }

    /** The type of a column. */
    public static DataType of(ArrowField field) {
        return of(field, false);
    }

    /**
     * The type of a column.
     *
     * @param local whether times are those of a zone that somebody has named, as {@code TIMESTAMP(3)}
     */
    public static DataType of(ArrowField field, boolean local) {
        DataType type = single(field, local);
        return field.nullable() ? type.nullable() : type.notNull();
    }

    private static DataType single(ArrowField field, boolean local) {
        ArrowType type = field.type();
        switch (type.kind()) {
            case BOOL:
                return DataTypes.BOOLEAN();
            case INT32:
                return DataTypes.INT();
            case INT64:
                return DataTypes.BIGINT();
            case FLOAT32:
                return DataTypes.FLOAT();
            case FLOAT64:
                return DataTypes.DOUBLE();
            case UTF8:
                return DataTypes.STRING();
            case BINARY:
                return DataTypes.BYTES();
            case TIMESTAMP_MILLIS:
                return local ? DataTypes.TIMESTAMP(3) : DataTypes.TIMESTAMP_LTZ(3);
            case DECIMAL128:
                return DataTypes.DECIMAL(type.precision(), type.scale());
            case LIST:
                return DataTypes.ARRAY(of(field.children().get(0), local));
            case MAP:
                List<ArrowField> entries = field.children().get(0).children();
                return DataTypes.MAP(of(entries.get(0), local), of(entries.get(1), local));
            default:
                throw new PinotageException(
                        ErrorKind.UNEXPECTED, "column `" + field.name() + "` comes as " + type, "please report it");
        }
    }
}
