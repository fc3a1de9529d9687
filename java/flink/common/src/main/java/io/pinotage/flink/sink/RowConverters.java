package io.pinotage.flink.sink;

import java.util.Map;
import org.apache.flink.api.java.typeutils.RowTypeInfo;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;

/** The converters of Flink's own types of rows, and of objects; {@link GenericRecordConverter} has that of Avro. */
public final class RowConverters {
    private RowConverters() {}

    /** Rows inside of Flink SQL: the fastest, nothing is boxed. */
    public static RowConverter<RowData> rowData(RowType type) {
        return new RowDataConverter(type);
    }

    /** Rows with names of their own: a field goes to the column of its name, and a column without a field is null. */
    public static RowConverter<Row> row() {
        return new NamedRowConverter(null);
    }

    /** Rows by position. */
    public static RowConverter<Row> row(String... names) {
        return new NamedRowConverter(names.clone());
    }

    /** Rows by position, as their type names them. */
    public static RowConverter<Row> row(RowTypeInfo type) {
        return row(type.getFieldNames());
    }

    /** Maps: an entry goes to the column of its key, a column without an entry is null, and other entries go nowhere. */
    public static RowConverter<Map<String, ?>> map() {
        return new MapConverter();
    }

    /** Objects of a public class: public fields and getters go to the columns of their names, others nowhere. */
    public static <T> RowConverter<T> pojo(Class<T> type) {
        return new PojoConverter<>(type);
    }
}
