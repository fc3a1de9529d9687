package io.pinotage.jni;

/** The tables of a cluster. Not for use outside of Pinotage: {@code io.pinotage.catalog} is. */
public final class NativeCatalog {
    private NativeCatalog() {}

    /** A cluster; nobody is asked yet. */
    public static native long open(String options);

    /** The names of all tables, without their types. */
    public static native String[] tables(long catalog);

    /** Whether there is a table of this name. */
    public static native boolean has(long catalog, String table);

    /** Creates schema and table from Pinot's own JSON. */
    public static native void create(long catalog, String schema, String config);

    /** Deletes a table with its segments, and its schema. */
    public static native void drop(long catalog, String table);

    /** Frees it. */
    public static native void close(long catalog);
}
