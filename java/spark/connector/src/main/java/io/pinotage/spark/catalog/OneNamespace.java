package io.pinotage.spark.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.util.Collections;
import java.util.Map;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.connector.catalog.NamespaceChange;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** A catalog whose tables are all in one namespace. It may be left out: {@code pinot.flights} is {@code pinot.default.flights}. */
public abstract class OneNamespace implements TableCatalog, SupportsNamespaces {
    /** The only one. */
    protected static final String[] NAMESPACE = {"default"};

    private String name;

    /** Spark makes it. */
    protected OneNamespace() {}

    @Override
    public void initialize(String given, CaseInsensitiveStringMap options) {
        name = given;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String[] defaultNamespace() {
        return NAMESPACE.clone();
    }

    /** Whether tables of this namespace are here. */
    protected static boolean isHere(String[] namespace) {
        return namespace.length == 0 || namespace.length == 1 && NAMESPACE[0].equalsIgnoreCase(namespace[0]);
    }

    /** The namespace is the one that there is. */
    protected static void check(String[] namespace) throws NoSuchNamespaceException {
        if (!isHere(namespace)) {
            throw new NoSuchNamespaceException(namespace);
        }
    }

    /** What a catalog of Pinot's tables does not do. */
    protected static PinotageException refused(String what) {
        return new PinotageException(ErrorKind.UNSUPPORTED, "a catalog of Pinot's tables cannot " + what, "nothing was changed");
    }

    @Override
    public String[][] listNamespaces() {
        return new String[][] {NAMESPACE.clone()};
    }

    @Override
    public String[][] listNamespaces(String[] namespace) throws NoSuchNamespaceException {
        check(namespace);
        return namespace.length == 0 ? listNamespaces() : new String[0][];
    }

    @Override
    public boolean namespaceExists(String[] namespace) {
        return isHere(namespace);
    }

    @Override
    public Map<String, String> loadNamespaceMetadata(String[] namespace) throws NoSuchNamespaceException {
        check(namespace);
        return Collections.emptyMap();
    }

    @Override
    public void createNamespace(String[] namespace, Map<String, String> metadata) {
        throw refused("make namespaces");
    }

    @Override
    public void alterNamespace(String[] namespace, NamespaceChange... changes) {
        throw refused("alter namespaces");
    }

    @Override
    public boolean dropNamespace(String[] namespace, boolean cascade) {
        throw refused("drop namespaces");
    }
}
