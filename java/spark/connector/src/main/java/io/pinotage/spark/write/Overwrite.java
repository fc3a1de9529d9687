package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.sink.Replacing;
import io.pinotage.sink.SinkColumn;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Literal;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.filter.AlwaysTrue;
import org.apache.spark.sql.connector.expressions.filter.And;
import org.apache.spark.sql.connector.expressions.filter.Predicate;

/** What rows take the place of: nothing, the whole table, a range of its time column, or the partitions that they have. */
final class Overwrite {
    static final Overwrite NOTHING = new Overwrite(null);
    static final Overwrite TABLE = new Overwrite(null);
    static final Overwrite PARTITIONS = new Overwrite(null);

    private static final long MICROS = 1_000;

    /** For a range. */
    private final Predicate[] predicates;

    private Overwrite(Predicate[] predicates) {
        this.predicates = predicates;
    }

    /** The rows of which all predicates are true. */
    static Overwrite where(Predicate[] predicates) {
        for (Predicate predicate : predicates) {
            if (!(predicate instanceof AlwaysTrue)) {
                return new Overwrite(predicates.clone());
            }
        }
        return TABLE;
    }

    /** Rows that are there go. */
    boolean replaces() {
        return this != NOTHING;
    }

    /**
     * The same for the segments of a table.
     *
     * @throws PinotageException {@code unsupported} for predicates that are no range of the time column
     */
    Replacing of(PinotSinkTable table) {
        if (this == NOTHING) {
            return Replacing.nothing();
        }
        if (this == TABLE) {
            return Replacing.table();
        }
        if (this == PARTITIONS) {
            return Replacing.partitions();
        }
        Range range = new Range(table);
        for (Predicate predicate : predicates) {
            range.narrow(predicate);
        }
        return Replacing.times(range.from, range.to);
    }

    /** Times in milliseconds: {@code from}, and {@code to} behind the last one. */
    private static final class Range {
        private final PinotSinkTable table;
        private final String column;
        private Long from;
        private Long to;

        Range(PinotSinkTable table) {
            this.table = table;
            this.column = table.timeColumn();
        }

        void narrow(Predicate predicate) {
            if (predicate instanceof AlwaysTrue) {
                return;
            }
            if (predicate instanceof And) {
                narrow(((And) predicate).left());
                narrow(((And) predicate).right());
                return;
            }
            Expression[] sides = predicate.children();
            boolean isOnTime = sides.length > 0 && sides[0] instanceof NamedReference
                    && column != null
                    && ((NamedReference) sides[0]).fieldNames().length == 1
                    && ((NamedReference) sides[0]).fieldNames()[0].equals(column);
            if (isOnTime && predicate.name().equals("IS_NOT_NULL")) {
                // Spark adds it.
                return;
            }
            boolean isComparison = isOnTime && sides.length == 2 && sides[1] instanceof Literal;
            if (!isComparison) {
                throw refused(predicate);
            }
            long millis = millis((Literal<?>) sides[1], predicate);
            switch (predicate.name()) {
                case ">=":
                    atLeast(millis);
                    break;
                case ">":
                    atLeast(millis + 1);
                    break;
                case "<":
                    before(millis);
                    break;
                case "<=":
                    before(millis + 1);
                    break;
                case "=":
                    atLeast(millis);
                    before(millis + 1);
                    break;
                default:
                    throw refused(predicate);
            }
        }

        private void atLeast(long millis) {
            from = from == null ? millis : Math.max(from, millis);
        }

        private void before(long millis) {
            to = to == null ? millis : Math.min(to, millis);
        }

        private long millis(Literal<?> literal, Predicate predicate) {
            if (!(literal.value() instanceof Number)) {
                throw refused(predicate);
            }
            long value = ((Number) literal.value()).longValue();
            for (SinkColumn known : table.columns()) {
                if (known.name().equals(column) && known.pinotType().equals("TIMESTAMP")) {
                    if (value % MICROS != 0) {
                        throw refused(predicate);
                    }
                    return value / MICROS;
                }
            }
            return table.timeMillis(value);
        }

        private PinotageException refused(Predicate predicate) {
            return new PinotageException(
                    ErrorKind.UNSUPPORTED,
                    "rows `WHERE " + predicate + "` cannot be overwritten: whole segments go, and what they have of other columns is not known",
                    column == null
                            ? "overwrite the whole table, which has no time column"
                            : "compare the time column `" + column + "` with whole milliseconds by >=, >, <, <= or =, joined by AND");
        }
    }

    @Override
    public String toString() {
        return this == NOTHING ? "append" : this == TABLE ? "table" : this == PARTITIONS ? "partitions" : "range";
    }
}
