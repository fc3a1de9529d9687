package io.pinotage.flink.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.catalog.PinotTables;
import io.pinotage.flink.source.PinotTypes;
import io.pinotage.flink.table.PinotTableFactoryBase;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanColumn;
import io.pinotage.scan.ScanOptions;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.catalog.CatalogBaseTable;
import org.apache.flink.table.catalog.CatalogDatabase;
import org.apache.flink.table.catalog.CatalogDatabaseImpl;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.ObjectPath;
import org.apache.flink.table.catalog.ResolvedCatalogTable;
import org.apache.flink.table.catalog.exceptions.CatalogException;
import org.apache.flink.table.catalog.exceptions.DatabaseNotExistException;
import org.apache.flink.table.catalog.exceptions.TableAlreadyExistException;
import org.apache.flink.table.catalog.exceptions.TableNotExistException;

/**
 * The tables of a cluster, all of them in one database, {@code default}. What is in the catalog is what the controller says at
 * that moment.
 */
public final class PinotCatalog extends ReadOnlyCatalog {
    /** The only database. */
    public static final String DATABASE = "default";

    /** The options of each table. */
    private final Map<String, String> options;
    private final String controller;

    private PinotTables tables;

    PinotCatalog(String name, String controller, Map<String, String> options) {
        super(name, DATABASE);
        this.controller = controller;
        this.options = new HashMap<>(options);
    }

    @Override
    public void open() {
        tables = PinotTables.ofController(controller);
        // Whoever names a cluster that does not answer is told now.
        tell(tables::list);
    }

    @Override
    public void close() {
        if (tables != null) {
            tables.close();
            tables = null;
        }
    }

    private static <T> T tell(Supplier<T> ask) {
        try {
            return ask.get();
        } catch (PinotageException error) {
            throw new CatalogException(error.getMessage() + "; " + error.advice(), error);
        }
    }

    @Override
    public List<String> listDatabases() {
        return Collections.singletonList(DATABASE);
    }

    @Override
    public boolean databaseExists(String database) {
        return DATABASE.equals(database);
    }

    @Override
    public CatalogDatabase getDatabase(String database) throws DatabaseNotExistException {
        check(database);
        return new CatalogDatabaseImpl(Collections.emptyMap(), "The tables of " + controller);
    }

    private void check(String database) throws DatabaseNotExistException {
        if (!databaseExists(database)) {
            throw new DatabaseNotExistException(getName(), database);
        }
    }

    @Override
    public List<String> listTables(String database) throws DatabaseNotExistException {
        check(database);
        return tell(tables::list).stream().sorted().collect(Collectors.toList());
    }

    @Override
    public boolean tableExists(ObjectPath path) {
        return databaseExists(path.getDatabaseName()) && tell(() -> tables.has(path.getObjectName()));
    }

    @Override
    public CatalogBaseTable getTable(ObjectPath path) throws TableNotExistException {
        if (!databaseExists(path.getDatabaseName())) {
            throw new TableNotExistException(getName(), path);
        }
        String table = path.getObjectName();
        try (PinotTable found = PinotTable.open(ScanOptions.of(table).controller(controller))) {
            Schema.Builder schema = Schema.newBuilder();
            for (ScanColumn column : found.columns()) {
                schema.column(column.name(), PinotTypes.of(column.field()));
            }
            // A key that Flink relies on has no nulls.
            List<String> key = found.primaryKey();
            if (!key.isEmpty() && found.columns().stream().noneMatch(column -> column.nullable() && key.contains(column.name()))) {
                schema.primaryKey(key);
            }
            Map<String, String> all = new HashMap<>(options);
            all.put("connector", PinotTableFactoryBase.IDENTIFIER);
            all.put("controller", controller);
            all.put("table", table);
            return CatalogTable.newBuilder().schema(schema.build()).options(all).build();
        } catch (PinotageException error) {
            if (error.kind() == ErrorKind.NOT_FOUND) {
                throw new TableNotExistException(getName(), path, error);
            }
            throw new CatalogException(error.getMessage() + "; " + error.advice(), error);
        }
    }

    @Override
    public void createTable(ObjectPath path, CatalogBaseTable table, boolean ignoreIfExists)
            throws TableAlreadyExistException, DatabaseNotExistException {
        check(path.getDatabaseName());
        if (tableExists(path)) {
            if (ignoreIfExists) {
                return;
            }
            throw new TableAlreadyExistException(getName(), path);
        }
        if (!(table instanceof ResolvedCatalogTable)) {
            throw new CatalogException("a view of Flink cannot be kept in Pinot; make it in another catalog");
        }
        ResolvedCatalogTable resolved = (ResolvedCatalogTable) table;
        tell(() -> {
            NewTable made = NewTable.of(path.getObjectName(), resolved.getResolvedSchema(), resolved.getOptions());
            tables.create(made.schema(), made.config());
            return null;
        });
    }

    @Override
    public void dropTable(ObjectPath path, boolean ignoreIfNotExists) throws TableNotExistException {
        if (!tableExists(path)) {
            if (ignoreIfNotExists) {
                return;
            }
            throw new TableNotExistException(getName(), path);
        }
        tell(() -> {
            tables.drop(path.getObjectName());
            return null;
        });
    }
}
