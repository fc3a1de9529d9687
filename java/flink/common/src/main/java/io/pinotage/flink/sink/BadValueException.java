package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;

/**
 * A value that its column does not take. A {@link RowConverter} throws it where a row cannot become one of the table: the row goes where
 * refused rows go, and the job goes on as far as {@code limits.errors} allows.
 */
public final class BadValueException extends PinotageException {
    private static final long serialVersionUID = 1L;

    /** The value is of a type that the column has nothing of. */
    public static final String WRONG_TYPE = "wrong-type";

    /** The column would hold another value. */
    public static final String NOT_EXACT = "not-exact";

    private final String column;
    private final String rule;
    private final String fault;

    /**
     * @param column the column, by its name in the table
     * @param rule a short name that never changes, such as {@link #WRONG_TYPE}
     * @param fault what was expected and what was found
     */
    public BadValueException(String column, String rule, String fault) {
        super(
                ErrorKind.INVALID_DATA,
                "column `" + column + "`: " + fault,
                "convert the value before the sink, or let such rows be refused: `quarantine`, or `split` before the sink");
        this.column = column;
        this.rule = rule;
        this.fault = fault;
    }

    /** The column. */
    public String column() {
        return column;
    }

    /** The rule that the value breaks. */
    public String rule() {
        return rule;
    }

    /** What was expected and what was found, without the rest of the message. */
    public String fault() {
        return fault;
    }
}
