package io.pinotage.flink.sink;

import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotSinkTable;
import java.io.Serializable;

/**
 * Rows of a stream as columns of a table. {@link RowConverters} has those of Flink's own types.
 *
 * @param <T> the rows
 */
public interface RowConverter<T> extends Serializable {
    /**
     * The columns that rows have. Called once, where the job is submitted; the table then says whether it takes them, so that a
     * wrong type is no surprise of row 1,000,000.
     *
     * @param table the table that rows go to
     * @throws io.pinotage.PinotageException when rows can never be rows of the table
     */
    ArrowSchema columns(PinotSinkTable table);

    /** Whether a row goes to the table at all: what a filter before the sink would say. */
    default boolean takes(T row) {
        return true;
    }

    /**
     * Appends the values of a row to the columns, in their order. Columns that get none have null. {@code endRow} is not called
     * here. Called in the task's thread, for each row.
     */
    void append(T row, BatchBuilder columns);

    /**
     * The value of a column of a row, which decides on the partition of the table that the row belongs to: a number, a boolean, text or
     * bytes, the milliseconds of an instant, or null. Called for tables with partitions only.
     */
    Object value(T row, String column);
}
