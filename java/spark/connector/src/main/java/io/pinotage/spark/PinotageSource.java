package io.pinotage.spark;

import java.util.Map;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** Tables of Pinot as a source of Spark: {@code format("pinotage")}. */
public final class PinotageSource implements TableProvider, DataSourceRegister {
    /** The name of the format. */
    public static final String NAME = "pinotage";

    /** Spark makes it. */
    public PinotageSource() {}

    @Override
    public String shortName() {
        return NAME;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return getTable(null, new Transform[0], options.asCaseSensitiveMap()).schema();
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        throw new UnsupportedOperationException("tables");
    }
}
