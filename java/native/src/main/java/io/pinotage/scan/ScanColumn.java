package io.pinotage.scan;

import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowType;
import java.io.Serializable;

/** A column of a table that is read. */
public final class ScanColumn implements Serializable {
    private static final long serialVersionUID = 1L;

    private final ArrowField field;
    private final String type;

    ScanColumn(ArrowField field, String type) {
        this.field = field;
        this.type = type;
    }

    /** The name. */
    public String name() {
        return field.name();
    }

    /** Pinot's type, such as {@code BIG_DECIMAL}. */
    public String type() {
        return type;
    }

    /** As it comes. */
    public ArrowField field() {
        return field;
    }

    /** Whether rows have lists of values. */
    public boolean multiValue() {
        return field.type().kind() == ArrowType.Kind.LIST;
    }

    /** Whether there may be nulls: the table keeps them, and they are not read as default values. */
    public boolean nullable() {
        return field.nullable();
    }

    @Override
    public String toString() {
        return name() + " " + type + (multiValue() ? "[]" : "") + (nullable() ? "" : " NOT NULL");
    }
}
