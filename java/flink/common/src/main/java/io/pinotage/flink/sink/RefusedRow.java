package io.pinotage.flink.sink;

import io.pinotage.sink.RejectedRow;
import io.pinotage.sink.SinkOptions;
import java.util.Objects;

/** A row that the table does not take, and why. One of Flink's POJOs. */
public class RefusedRow {
    /** The column whose value is wrong; null when it is not one column's fault. */
    public String column;

    /** The rule that it breaks: a short name that never changes. */
    public String rule;

    /** What was expected and what was found. */
    public String message;

    /** The row as JSON. */
    public String row;

    /** For Flink. */
    public RefusedRow() {}

    static RefusedRow of(RejectedRow rejected) {
        RefusedRow refused = new RefusedRow();
        refused.column = rejected.column();
        refused.rule = rejected.rule();
        refused.message = rejected.message();
        refused.row = rejected.raw();
        return refused;
    }

    /** All of it as an object of JSON. */
    public String toJson() {
        SinkOptions json = new SinkOptions().set("rule", rule).set("message", message);
        if (column != null) {
            json.set("column", column);
        }
        return json.setJson("row", row).toJson();
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof RefusedRow)) {
            return false;
        }
        RefusedRow that = (RefusedRow) other;
        return Objects.equals(column, that.column)
                && Objects.equals(rule, that.rule)
                && Objects.equals(message, that.message)
                && Objects.equals(row, that.row);
    }

    @Override
    public int hashCode() {
        return Objects.hash(column, rule, message, row);
    }

    @Override
    public String toString() {
        return toJson();
    }
}
