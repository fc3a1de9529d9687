package io.pinotage.sink;

import java.util.ArrayList;
import java.util.List;

/** A row that the table does not take. */
public final class RejectedRow {
    /** Texts of a row. */
    private static final int TEXTS = 5;

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

    /** Rows as the library gives them. */
    static List<RejectedRow> of(String[] texts) {
        ArrayList<RejectedRow> rejected = new ArrayList<>(texts.length / TEXTS);
        for (int i = 0; i < texts.length; i += TEXTS) {
            rejected.add(new RejectedRow(
                    Integer.parseInt(texts[i]), texts[i + 1], texts[i + 2], texts[i + 3], texts[i + 4]));
        }
        return rejected;
    }

    /** A row that could not even come into a batch. */
    public static RejectedRow of(String column, String rule, String message, String raw) {
        return new RejectedRow(-1, column, rule, message, raw);
    }

    /** Its number in the batch; -1 for one that was in none. */
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
