package io.pinotage.spark;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.catalog.PinotTables;
import io.pinotage.catalog.TableDefinition;
import io.pinotage.scan.PinotTable;
import io.pinotage.spark.catalog.NewTable;
import io.pinotage.spark.catalog.OneNamespace;
import io.pinotage.spark.read.Partitions;
import io.pinotage.spark.write.PartitionFunction;
import io.pinotage.spark.write.PinotWriteBuilder;
import java.util.Map;
import java.util.function.Function;
import org.apache.spark.sql.catalyst.analysis.NoSuchFunctionException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.catalyst.analysis.TableAlreadyExistsException;
import org.apache.spark.sql.connector.catalog.FunctionCatalog;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * The tables of a cluster, all of them in one namespace, {@code default}: {@code spark.sql.catalog.pinot=io.pinotage.spark.PinotCatalog},
 * with options such as {@code spark.sql.catalog.pinot.controller}, which are those of each table. What is in the catalog is what the
 * controller says at that moment.
 */
public final class PinotCatalog extends OneNamespace implements FunctionCatalog {
    private PinotOptions options;

    /** Spark makes it. */
    public PinotCatalog() {}

    @Override
    public void initialize(String name, CaseInsensitiveStringMap given) {
        super.initialize(name, given);
        options = PinotOptions.of(given.asCaseSensitiveMap());
        if (options.controller() == null && options.connection() == null) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "the catalog `" + name + "` names no cluster",
                    "set `spark.sql.catalog." + name + ".controller` to host:port or a URL");
        }
    }

    private <T> T ask(Function<PinotTables, T> question) {
        String connection = options.connection();
        PinotTables tables =
                connection == null ? PinotTables.ofController(options.controller()) : PinotTables.ofConnection(connection);
        try (PinotTables open = tables) {
            return question.apply(open);
        }
    }

    @Override
    public Identifier[] listTables(String[] namespace) throws NoSuchNamespaceException {
        check(namespace);
        return ask(PinotTables::list).stream()
                .sorted()
                .map(table -> Identifier.of(NAMESPACE, table))
                .toArray(Identifier[]::new);
    }

    @Override
    public boolean tableExists(Identifier table) {
        return isHere(table.namespace()) && ask(tables -> tables.has(table.name()));
    }

    @Override
    public Table loadTable(Identifier table) throws NoSuchTableException {
        if (!isHere(table.namespace())) {
            throw new NoSuchTableException(table);
        }
        try {
            return PinotSparkTable.open(of(table.name()), null);
        } catch (PinotageException error) {
            if (error.kind() == ErrorKind.NOT_FOUND) {
                throw new NoSuchTableException(table);
            }
            throw error;
        }
    }

    /** The options of a table: digits only of decimals that it has. */
    private PinotOptions of(String table) {
        if (!options.hasDecimals()) {
            return options.ofTable(table);
        }
        PinotOptions without = options.withoutDecimals().ofTable(table);
        try (PinotTable found = PinotTable.open(without.scan())) {
            return without.withDecimals(options, found.columns());
        }
    }

    @Override
    public Table createTable(Identifier table, StructType columns, Transform[] partitions, Map<String, String> properties)
            throws TableAlreadyExistsException, NoSuchNamespaceException {
        check(table.namespace());
        TableDefinition made = NewTable.of(table.name(), columns, partitions, properties);
        if (tableExists(table)) {
            throw new TableAlreadyExistsException(table);
        }
        ask(tables -> {
            tables.create(made.schema(), made.config());
            return null;
        });
        try {
            return loadTable(table);
        } catch (NoSuchTableException error) {
            throw new PinotageException(
                    ErrorKind.COMMIT_CONFLICT, "somebody has dropped the table that was just made", "make it again", error);
        }
    }

    @Override
    public Table alterTable(Identifier table, TableChange... changes) {
        throw refused("alter a table: change its schema and its config in Pinot");
    }

    @Override
    public boolean dropTable(Identifier table) {
        if (!tableExists(table)) {
            return false;
        }
        ask(tables -> {
            tables.drop(table.name());
            return null;
        });
        return true;
    }

    @Override
    public void renameTable(Identifier table, Identifier name) {
        throw refused("rename a table: Pinot cannot");
    }

    /** None that a person would look for: there is one for each table that has partitions, which writes use, and for scans. */
    @Override
    public Identifier[] listFunctions(String[] namespace) throws NoSuchNamespaceException {
        check(namespace);
        return new Identifier[0];
    }

    @Override
    public UnboundFunction loadFunction(Identifier function) throws NoSuchFunctionException {
        String name = function.name();
        if (!isHere(function.namespace())) {
            throw new NoSuchFunctionException(function);
        }
        PartitionFunction ofScan = Partitions.function(name);
        if (ofScan != null) {
            return ofScan;
        }
        if (!name.startsWith(PartitionFunction.PREFIX)) {
            throw new NoSuchFunctionException(function);
        }
        String table = name.substring(PartitionFunction.PREFIX.length());
        try {
            PartitionFunction found = PinotWriteBuilder.partitionFunction(options.ofTable(table));
            if (found != null) {
                return found;
            }
        } catch (PinotageException error) {
            if (error.kind() != ErrorKind.NOT_FOUND) {
                throw error;
            }
        }
        throw new NoSuchFunctionException(function);
    }
}
