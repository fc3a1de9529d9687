package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.sink.PinotSinkTable;
import java.util.List;
import java.util.stream.Collectors;

/** The columns of a table by name. */
final class Columns {
    private Columns() {}

    /** A column of the table, which has to be there: what goes nowhere is not dropped in silence. */
    static ArrowField of(PinotSinkTable table, String name) {
        ArrowSchema schema = table.schema();
        int index = schema.indexOf(name);
        if (index < 0) {
            List<String> names = schema.fields().stream().map(ArrowField::name).collect(Collectors.toList());
            throw new PinotageException(
                    ErrorKind.SCHEMA_MISMATCH,
                    "the table has no column `" + name + "`, which rows have; it has " + names,
                    "name the columns of rows as those of the table, and leave out others");
        }
        return schema.fields().get(index);
    }
}
