package io.pinotage.arrow;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/** A named column, or a part of a nested one. */
public final class ArrowField implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final ArrowType type;
    private final boolean nullable;
    private final ArrayList<ArrowField> children;

    private ArrowField(String name, ArrowType type, boolean nullable, List<ArrowField> children) {
        this.name = Objects.requireNonNull(name, "name");
        this.type = Objects.requireNonNull(type, "type");
        this.nullable = nullable;
        this.children = new ArrayList<>(children);
        int expected = type.kind() == ArrowType.Kind.LIST || type.kind() == ArrowType.Kind.MAP ? 1 : 0;
        if (type.kind() != ArrowType.Kind.STRUCT && children.size() != expected) {
            throw new IllegalArgumentException(type + " has " + expected + " children, found " + children.size());
        }
    }

    /** A column of single values. */
    public static ArrowField of(String name, ArrowType type, boolean nullable) {
        return new ArrowField(name, type, nullable, Collections.emptyList());
    }

    /** A column of lists. */
    public static ArrowField list(String name, boolean nullable, ArrowField element) {
        return new ArrowField(name, ArrowType.LIST, nullable, Collections.singletonList(element));
    }

    /** A column of structs. */
    public static ArrowField struct(String name, boolean nullable, ArrowField... children) {
        return new ArrowField(name, ArrowType.STRUCT, nullable, Arrays.asList(children));
    }

    /** A column of maps. Keys are never null. */
    public static ArrowField map(String name, boolean nullable, ArrowType keys, ArrowField values) {
        ArrowField entries = struct("entries", false, of("keys", keys, false), values);
        return new ArrowField(name, ArrowType.MAP, nullable, Collections.singletonList(entries));
    }

    static ArrowField of(String name, ArrowType type, boolean nullable, List<ArrowField> children) {
        return new ArrowField(name, type, nullable, children);
    }

    /** The name. */
    public String name() {
        return name;
    }

    /** The type. */
    public ArrowType type() {
        return type;
    }

    /** Whether values may be null. */
    public boolean nullable() {
        return nullable;
    }

    /** The elements of a list, the fields of a struct, the entries of a map. */
    public List<ArrowField> children() {
        return Collections.unmodifiableList(children);
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof ArrowField)) {
            return false;
        }
        ArrowField that = (ArrowField) other;
        return name.equals(that.name)
                && type.equals(that.type)
                && nullable == that.nullable
                && children.equals(that.children);
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, type, nullable, children);
    }

    @Override
    public String toString() {
        String inside = children.isEmpty() ? "" : children.toString();
        return name + ": " + type + inside + (nullable ? "" : " NOT NULL");
    }
}
