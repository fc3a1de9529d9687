package io.pinotage.scan;

import io.pinotage.jni.JsonText;
import java.io.Serializable;

/** A number about the rows of a group. Each split has its own: the engine puts those of a group together. */
public final class Aggregate implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String json;

    private Aggregate(String json) {
        this.json = json;
    }

    private static Aggregate of(String kind, String column) {
        StringBuilder json = new StringBuilder("{");
        JsonText.text(column, JsonText.key(kind, json));
        return new Aggregate(json.append('}').toString());
    }

    /** How many rows there are: INT64. */
    public static Aggregate rows() {
        return new Aggregate("\"rows\"");
    }

    /** How many rows have a value in the column: INT64. */
    public static Aggregate count(String column) {
        return of("count", column);
    }

    /** The least value of an INT, LONG or TIMESTAMP column; null without values. */
    public static Aggregate min(String column) {
        return of("min", column);
    }

    /** The greatest value of an INT, LONG or TIMESTAMP column; null without values. */
    public static Aggregate max(String column) {
        return of("max", column);
    }

    /** The sum of an INT or LONG column, modulo 2⁶⁴: INT64; null without values. */
    public static Aggregate sum(String column) {
        return of("sum", column);
    }

    /** Whether it is {@link #rows}. */
    public boolean isRows() {
        return json.startsWith("\"rows");
    }

    /** Whether it counts: it is 0 where others have no value. */
    public boolean isCount() {
        return isRows() || json.startsWith("{\"count");
    }

    String toJson() {
        return json;
    }

    @Override
    public String toString() {
        return json;
    }
}
