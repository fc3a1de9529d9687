package io.pinotage.scan;

import io.pinotage.jni.JsonText;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/**
 * A condition on rows, with the meaning of SQL: what is unknown does not pass. Literals are texts, whose type is that of the
 * column: TIMESTAMP in milliseconds, BYTES as hex, BOOLEAN as {@code true} or {@code false}.
 */
public final class Condition implements Serializable {
    private static final long serialVersionUID = 1L;

    /** A comparison. */
    public enum Op {
        /** {@code =} */
        EQ("="),
        /** {@code <>} */
        NOT_EQ("<>"),
        /** {@code <} */
        LT("<"),
        /** {@code <=} */
        LT_EQ("<="),
        /** {@code >} */
        GT(">"),
        /** {@code >=} */
        GT_EQ(">=");

        private final String sql;

        Op(String sql) {
            this.sql = sql;
        }

        /** The comparison with its sides exchanged. */
        public Op mirrored() {
            switch (this) {
                case LT:
                    return GT;
                case LT_EQ:
                    return GT_EQ;
                case GT:
                    return LT;
                case GT_EQ:
                    return LT_EQ;
                default:
                    return this;
            }
        }
    }

    private final String json;

    private Condition(StringBuilder json) {
        this.json = json.append('}').toString();
    }

    private static StringBuilder of(String kind, String column) {
        StringBuilder json = new StringBuilder("{");
        JsonText.text(kind, JsonText.key("is", json));
        if (column != null) {
            JsonText.text(column, JsonText.key("column", json));
        }
        return json;
    }

    /** {@code column op value} */
    public static Condition compare(String column, Op op, String value) {
        StringBuilder json = of("compare", column);
        JsonText.text(op.sql, JsonText.key("op", json));
        JsonText.text(value, JsonText.key("value", json));
        return new Condition(json);
    }

    /** {@code column IN (values)} */
    public static Condition in(String column, List<String> values) {
        StringBuilder json = of("in", column);
        JsonText.list(values, JsonText.key("values", json), JsonText::text);
        return new Condition(json);
    }

    /** {@code column LIKE pattern}, with {@code \} before a {@code %}, {@code _} or {@code \} that stands for itself. */
    public static Condition like(String column, String pattern) {
        StringBuilder json = of("like", column);
        JsonText.text(pattern, JsonText.key("pattern", json));
        return new Condition(json);
    }

    /** The pattern that a text stands for itself in. */
    public static String literal(String text) {
        return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_");
    }

    /** {@code column IS NULL} */
    public static Condition isNull(String column) {
        return new Condition(of("null", column));
    }

    /** {@code column IS NOT NULL} */
    public static Condition isNotNull(String column) {
        return new Condition(of("notNull", column));
    }

    /** All of them. */
    public static Condition and(Condition... parts) {
        return joined("and", Arrays.asList(parts));
    }

    /** All of them. */
    public static Condition and(List<Condition> parts) {
        return joined("and", parts);
    }

    /** Any of them. */
    public static Condition or(Condition... parts) {
        return joined("or", Arrays.asList(parts));
    }

    /** Any of them. */
    public static Condition or(List<Condition> parts) {
        return joined("or", parts);
    }

    private static Condition joined(String kind, List<Condition> parts) {
        StringBuilder json = of(kind, null);
        JsonText.list(parts, JsonText.key("parts", json), (part, into) -> into.append(part.json));
        return new Condition(json);
    }

    /** The opposite; unknown stays unknown. */
    public Condition not() {
        StringBuilder into = of("not", null);
        JsonText.key("part", into).append(json);
        return new Condition(into);
    }

    /** The condition as the library takes it. */
    public String toJson() {
        return json;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Condition && json.equals(((Condition) other).json);
    }

    @Override
    public int hashCode() {
        return json.hashCode();
    }

    @Override
    public String toString() {
        return json;
    }
}
