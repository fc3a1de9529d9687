package io.pinotage.catalog;

import io.pinotage.jni.JsonText;
import io.pinotage.jni.NativeCatalog;
import io.pinotage.jni.NativeLibrary;
import java.util.Arrays;
import java.util.List;

/** The tables of a cluster. What one of them is, {@link io.pinotage.scan.PinotTable} says. Any thread may use it. */
public final class PinotTables implements AutoCloseable {
    private final long handle;

    private PinotTables(String options) {
        NativeLibrary.load();
        this.handle = NativeCatalog.open(options);
    }

    /** Those of a controller: {@code host:9000} or a URL. Nobody is asked yet. */
    public static PinotTables ofController(String address) {
        StringBuilder json = new StringBuilder("{");
        JsonText.text(address, JsonText.key("controller", json));
        return new PinotTables(json.append('}').toString());
    }

    /** Those of a cluster that is reached as JSON says: the keys of {@code sink.connection} of a job file. */
    public static PinotTables ofConnection(String json) {
        return new PinotTables("{\"connection\":" + json + "}");
    }

    /** The names of all tables, without their types. */
    public List<String> list() {
        return Arrays.asList(NativeCatalog.tables(handle));
    }

    /** Whether there is a table of this name. */
    public boolean has(String table) {
        return NativeCatalog.has(handle, table);
    }

    /**
     * Creates a table and its schema.
     *
     * @param schema Pinot's schema, as JSON; one that the cluster has has to have the same columns
     * @param config Pinot's table config, as JSON
     * @throws io.pinotage.PinotageException {@code already-exists}; {@code invalid-config} when the controller refuses them
     */
    public void create(String schema, String config) {
        NativeCatalog.create(handle, schema, config);
    }

    /**
     * Deletes a table with its segments, and its schema.
     *
     * @throws io.pinotage.PinotageException {@code not-found}
     */
    public void drop(String table) {
        NativeCatalog.drop(handle, table);
    }

    /** Frees it. */
    @Override
    public void close() {
        NativeCatalog.close(handle);
    }
}
