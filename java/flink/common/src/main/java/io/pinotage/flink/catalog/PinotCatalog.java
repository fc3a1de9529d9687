package io.pinotage.flink.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.catalog.PinotTables;
import io.pinotage.flink.source.PinotTypes;
import io.pinotage.flink.table.PinotTableFactoryBase;
import io.pinotage.flink.table.ReadOptions;
import io.pinotage.flink.table.TableOptions;
import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanColumn;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.flink.table.api.DataTypes;
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
import org.apache.flink.table.types.DataType;

/**
 * The tables of a cluster, all of them in one database, {@code default}. What is in the catalog is what the controller says at
 * that moment.
 */
public final class PinotCatalog extends TablesOnlyCatalog {
    /** The only database. */
    public static final String DATABASE = "default";

    private static final Pattern DIGITS = Pattern.compile("([0-9]{1,2}), *([0-9]{1,2})");

    /** The options of each table, but for digits of decimals, which are in the types of its columns. */
    private final Map<String, String> options = new HashMap<>();

    private final Map<String, String> decimals = new HashMap<>();

    private PinotTables tables;

    PinotCatalog(String name, Map<String, String> options) {
        super(name, DATABASE);
        options.forEach((key, value) -> (key.startsWith(ReadOptions.DECIMAL) ? decimals : this.options).put(key, value));
    }

    @Override
    public void open() {
        String connection = ReadOptions.connection(options);
        tables = connection == null
                ? PinotTables.ofController(ReadOptions.controller(options))
                : PinotTables.ofConnection(connection);
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
            throw new CatalogException(error.getMessage(), error);
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
        return new CatalogDatabaseImpl(Collections.emptyMap(), "The tables of the cluster");
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
        Map<String, String> all = new HashMap<>(options);
        all.put("connector", PinotTableFactoryBase.IDENTIFIER);
        all.put("table", table);
        try (PinotTable found = PinotTable.open(ReadOptions.of(all, table))) {
            Schema.Builder schema = Schema.newBuilder();
            for (ScanColumn column : found.columns()) {
                schema.column(column.name(), type(column));
            }
            // A key that Flink relies on has no nulls.
            List<String> key = found.primaryKey();
            if (!key.isEmpty() && found.columns().stream().noneMatch(column -> column.nullable() && key.contains(column.name()))) {
                schema.primaryKey(key);
            }
            return CatalogTable.newBuilder().schema(schema.build()).options(all).build();
        } catch (PinotageException error) {
            if (error.kind() == ErrorKind.NOT_FOUND) {
                throw new TableNotExistException(getName(), path, error);
            }
            throw new CatalogException(error.getMessage(), error);
        }
    }

    private DataType type(ScanColumn column) {
        String digits = ReadOptions.decimal(decimals, column.name());
        boolean isDecimal = column.type().equals("BIG_DECIMAL") && !column.multiValue();
        if (!isDecimal || digits == null) {
            return PinotTypes.of(column.field(), options.containsKey(TableOptions.TIME_ZONE.key()));
        }
        Matcher numbers = DIGITS.matcher(digits);
        if (!numbers.matches()) {
            throw new CatalogException("`" + ReadOptions.DECIMAL + column.name() + "`: expected digits and those behind the point,"
                    + " such as 18,2, found " + digits);
        }
        DataType type = DataTypes.DECIMAL(Integer.parseInt(numbers.group(1)), Integer.parseInt(numbers.group(2)));
        return column.nullable() ? type : type.notNull();
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
            NewTable made = NewTable.of(
                    path.getObjectName(),
                    resolved.getResolvedSchema(),
                    resolved.getOptions(),
                    options.containsKey(TableOptions.TIME_ZONE.key()));
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
