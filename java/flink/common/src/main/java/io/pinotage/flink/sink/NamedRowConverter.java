package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotSinkTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.types.Row;

/** {@link Row} as rows, by name or by position. */
final class NamedRowConverter implements RowConverter<Row> {
    private static final long serialVersionUID = 1L;

    /** The names by position; null for rows that have their own. */
    private final String[] names;

    NamedRowConverter(String[] names) {
        this.names = names;
    }

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        if (names == null) {
            return table.schema();
        }
        List<ArrowField> fields = new ArrayList<>();
        for (String name : names) {
            fields.add(Columns.of(table, name));
        }
        return new ArrowSchema(fields);
    }

    @Override
    public void append(Row row, BatchBuilder columns) {
        List<ArrowField> fields = columns.schema().fields();
        if (names != null && row.getArity() != fields.size()) {
            throw new PinotageException(
                    ErrorKind.SCHEMA_MISMATCH,
                    "expected rows of " + fields.size() + " fields, found one of " + row.getArity(),
                    "give the names of all fields to the converter, in their order");
        }
        for (int i = 0; i < fields.size(); i++) {
            Values.append(names == null ? named(row, fields.get(i).name()) : row.getField(i), columns.column(i));
        }
    }

    @Override
    public Object value(Row row, String column) {
        return Values.deciding(names == null ? named(row, column) : row.getField(Arrays.asList(names).indexOf(column)));
    }

    private static Object named(Row row, String name) {
        java.util.Set<String> names = row.getFieldNames(true);
        if (names == null) {
            throw new PinotageException(
                    ErrorKind.SCHEMA_MISMATCH,
                    "expected rows with names, found one with positions alone",
                    "give the names to `RowConverters.row`");
        }
        return names.contains(name) ? row.getField(name) : null;
    }
}
