package io.pinotage.arrow;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** The columns of a batch, in their order. */
public final class ArrowSchema implements Serializable {
    private static final long serialVersionUID = 1L;

    private final ArrayList<ArrowField> fields;

    /** Columns in their order. */
    public ArrowSchema(List<ArrowField> fields) {
        this.fields = new ArrayList<>(fields);
    }

    /** Columns in their order. */
    public static ArrowSchema of(ArrowField... fields) {
        return new ArrowSchema(Arrays.asList(fields));
    }

    /** The columns. */
    public List<ArrowField> fields() {
        return Collections.unmodifiableList(fields);
    }

    /** The place of a column; -1 when there is none of this name. */
    public int indexOf(String name) {
        for (int i = 0; i < fields.size(); i++) {
            if (fields.get(i).name().equals(name)) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ArrowSchema && fields.equals(((ArrowSchema) other).fields);
    }

    @Override
    public int hashCode() {
        return fields.hashCode();
    }

    @Override
    public String toString() {
        return fields.toString();
    }
}
