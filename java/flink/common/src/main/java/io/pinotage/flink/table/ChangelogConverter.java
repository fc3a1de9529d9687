package io.pinotage.flink.table;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.ArrowType;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.flink.sink.RowConverter;
import io.pinotage.flink.sink.RowConverters;
import io.pinotage.sink.PinotSinkTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

/** Rows of a query into a table: what a changelog deletes, the table's delete column says. */
final class ChangelogConverter implements RowConverter<RowData> {
    private static final long serialVersionUID = 1L;
    private static final int NONE = -1;

    private final RowType type;
    private final ArrayList<String> primaryKey;
    private final RowConverter<RowData> rows;
    private boolean upserts;
    /** The place of the delete column behind those of rows; {@link #NONE} without. */
    private int deleted = NONE;

    ChangelogConverter(RowType type, List<String> primaryKey) {
        this.type = type;
        this.primaryKey = new ArrayList<>(primaryKey);
        this.rows = RowConverters.rowData(type);
    }

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        ArrowSchema columns = rows.columns(table);
        upserts = table.upserts() && !primaryKey.isEmpty();
        if (!primaryKey.isEmpty() && !new HashSet<>(primaryKey).equals(new HashSet<>(table.primaryKey()))) {
            throw new PinotageException(
                    ErrorKind.SCHEMA_MISMATCH,
                    "the PRIMARY KEY is " + primaryKey + ", and that of the table in Pinot " + table.primaryKey(),
                    "declare `PRIMARY KEY (…) NOT ENFORCED` with the columns of Pinot's schema, or none to append rows");
        }
        String column = upserts ? table.deleteColumn() : null;
        if (column == null) {
            return columns;
        }
        if (type.getFieldNames().contains(column)) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "column `" + column + "` says which rows are deleted, and a changelog says that by itself",
                    "leave the column out of CREATE TABLE");
        }
        deleted = columns.fields().size();
        List<ArrowField> fields = new ArrayList<>(columns.fields());
        fields.add(ArrowField.of(column, ArrowType.BOOL, false));
        return new ArrowSchema(Collections.unmodifiableList(fields));
    }

    /** The changes that the table can take, as soon as it is known. */
    ChangelogMode mode() {
        if (!upserts) {
            return ChangelogMode.insertOnly();
        }
        ChangelogMode.Builder mode = ChangelogMode.newBuilder()
                .addContainedKind(RowKind.INSERT)
                .addContainedKind(RowKind.UPDATE_AFTER);
        return deleted == NONE ? mode.build() : mode.addContainedKind(RowKind.DELETE).build();
    }

    /** Whether what the row says is no more; Flink sends the old row of an update where nothing follows it. */
    private static boolean isOld(RowData row) {
        return row.getRowKind() == RowKind.DELETE || row.getRowKind() == RowKind.UPDATE_BEFORE;
    }

    @Override
    public boolean takes(RowData row) {
        // Where nothing is deleted the new row of the update follows.
        return deleted != NONE || !isOld(row);
    }

    @Override
    public void append(RowData row, BatchBuilder columns) {
        rows.append(row, columns);
        if (deleted != NONE) {
            columns.column(deleted).appendBoolean(isOld(row));
        }
    }

    @Override
    public Object value(RowData row, String column) {
        return rows.value(row, column);
    }
}
