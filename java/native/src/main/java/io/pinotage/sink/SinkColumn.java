package io.pinotage.sink;

import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowType;

/** A column of a table. */
public final class SinkColumn {
    private final ArrowField field;
    private final String pinotType;

    SinkColumn(ArrowField field, String pinotType) {
        this.field = field;
        this.pinotType = pinotType;
    }

    /** The name. */
    public String name() {
        return field.name();
    }

    /** Pinot's type: INT, LONG, FLOAT, DOUBLE, BOOLEAN, TIMESTAMP, STRING, JSON, BYTES, BIG_DECIMAL or MAP. */
    public String pinotType() {
        return pinotType;
    }

    /** Whether a row has several values. */
    public boolean multiValue() {
        return field.type().kind() == ArrowType.Kind.LIST;
    }

    /** Whether the table tracks nulls of it; otherwise a null becomes the column's default. */
    public boolean nullable() {
        return field.nullable();
    }

    /** The column in Arrow. */
    public ArrowField field() {
        return field;
    }

    @Override
    public String toString() {
        return field.name() + " " + pinotType;
    }
}
