package io.pinotage.sink;

/** A row that the table does not take. */
public final class RejectedRow {
    private final int row;
    private final String column;
    private final String rule;
    private final String message;
    private final String raw;

    RejectedRow(int row, String column, String rule, String message, String raw) {
        this.row = row;
        this.column = column;
        this.rule = rule;
        this.message = message;
        this.raw = raw;
    }

    /** Its number in the batch. */
    public int row() {
        return row;
    }

    /** The column whose value is wrong; null when it is not one column's fault. */
    public String column() {
        return column;
    }

    /** The rule that it breaks: a short name that never changes. */
    public String rule() {
        return rule;
    }

    /** What was expected and what was found. */
    public String message() {
        return message;
    }

    /** The row as JSON. */
    public String raw() {
        return raw;
    }
}
