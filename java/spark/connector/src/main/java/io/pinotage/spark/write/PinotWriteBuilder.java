package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.catalog.PinotTables;
import io.pinotage.sink.PinotPartitioner;
import io.pinotage.sink.PinotSinkTable;
import io.pinotage.spark.PinotOptions;
import io.pinotage.spark.catalog.NewTable;
import java.util.Collections;
import java.util.Map;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.SupportsDynamicOverwrite;
import org.apache.spark.sql.connector.write.SupportsOverwriteV2;
import org.apache.spark.sql.connector.write.Write;
import org.apache.spark.sql.connector.write.WriteBuilder;

/** How rows are to be written to a table. {@link #build} asks the controller, and refuses what cannot work before any task starts. */
public final class PinotWriteBuilder implements WriteBuilder, SupportsOverwriteV2, SupportsDynamicOverwrite {
    private final WriteOptions options;
    private final LogicalWriteInfo info;
    private final boolean isOfCatalog;
    private Overwrite overwrite = Overwrite.NOTHING;

    /**
     * Of rows that Spark describes.
     *
     * @param isOfCatalog the table is one of a catalog, which has its {@link PartitionFunction}
     */
    public PinotWriteBuilder(PinotOptions options, LogicalWriteInfo info, boolean isOfCatalog) {
        this.options = new WriteOptions(options);
        this.info = info;
        this.isOfCatalog = isOfCatalog;
    }

    @Override
    public boolean canOverwrite(Predicate[] predicates) {
        // What they mean is known when the table is; `build` says what is wrong with them.
        return true;
    }

    @Override
    public WriteBuilder overwrite(Predicate[] predicates) {
        overwrite = Overwrite.where(predicates);
        return this;
    }

    @Override
    public WriteBuilder truncate() {
        overwrite = Overwrite.TABLE;
        return this;
    }

    @Override
    public WriteBuilder overwriteDynamicPartitions() {
        overwrite = Overwrite.PARTITIONS;
        return this;
    }

    @Override
    public Write build() {
        create();
        return new PinotWrite(options, info, overwrite, isOfCatalog);
    }

    /**
     * The function of a catalog's table; null for one whose rows need not be spread.
     *
     * @throws PinotageException {@code not-found} for a table that does not exist
     */
    public static PartitionFunction partitionFunction(PinotOptions options) {
        // Nothing is staged by who only asks; a write may name another place.
        Map<String, String> staging = Collections.singletonMap(WriteOptions.STAGING, "/");
        WriteOptions write = new WriteOptions(options.get(WriteOptions.STAGING) == null ? options.with(staging) : options);
        try (PinotSinkTable table = PinotSinkTable.resolve(write.sink("spark", "replace").toJson())) {
            PinotPartitioner partitioner = table.partitioner();
            return partitioner == null ? null : new PartitionFunction(write.table(), partitioner);
        }
    }

    private void create() {
        String create = options.oneOf(WriteOptions.CREATE_TABLE, "never", "ifMissing");
        if (!"ifMissing".equals(create)) {
            return;
        }
        String connection = options.all().connection();
        String table = options.table();
        try (PinotTables tables =
                connection == null ? PinotTables.ofController(options.controller()) : PinotTables.ofConnection(connection)) {
            if (tables.has(table)) {
                return;
            }
            NewTable made = NewTable.of(table, info.schema(), new Transform[0], options.create());
            tables.create(made.schema(), made.config());
        } catch (PinotageException error) {
            // Somebody else may have made it just now.
            if (error.kind() != ErrorKind.ALREADY_EXISTS) {
                throw error;
            }
        }
    }
}
