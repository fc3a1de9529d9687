package io.pinotage.spark.write;

import io.pinotage.arrow.ArrowSchema;
import java.io.Serializable;
import org.apache.spark.sql.types.StructType;

/** What tasks have to know of a write, as it was resolved in the driver. */
final class WriteSettings implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String description;
    private final String table;
    private final StructType rows;
    private final ArrowSchema columns;
    private final Quarantine quarantine;
    private final long memoryBytes;

    WriteSettings(
            String description, String table, StructType rows, ArrowSchema columns, Quarantine quarantine, long memoryBytes) {
        this.description = description;
        this.table = table;
        this.rows = rows;
        this.columns = columns;
        this.quarantine = quarantine;
        this.memoryBytes = memoryBytes;
    }

    /** The table and how to write to it, for {@link io.pinotage.sink.PinotSinkTable#of}. */
    String description() {
        return description;
    }

    /** The table's name, for people. */
    String table() {
        return table;
    }

    /** The rows of Spark. */
    StructType rows() {
        return rows;
    }

    /** The columns that they become. */
    ArrowSchema columns() {
        return columns;
    }

    /** Where rows go that the table does not take; null where the first one fails the job. */
    Quarantine quarantine() {
        return quarantine;
    }

    /** Memory of a task. */
    long memoryBytes() {
        return memoryBytes;
    }
}
