package io.pinotage.spark;

import java.util.Map;
import org.apache.spark.sql.connector.catalog.SessionConfigSupport;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * {@code spark.read.format("pinotage")} and {@code df.write.format("pinotage")}. Spark finds it by {@code META-INF/services}.
 * Options may also be set for a session, as {@code spark.datasource.pinotage.<option>}.
 */
public final class PinotageSource implements TableProvider, DataSourceRegister, SessionConfigSupport {
    /** The format's name. */
    public static final String NAME = "pinotage";

    /** What was opened for its schema: Spark asks for the table next. */
    private PinotSparkTable opened;

    @Override
    public String shortName() {
        return NAME;
    }

    @Override
    public String keyPrefix() {
        return NAME;
    }

    @Override
    public boolean supportsExternalMetadata() {
        return true;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        opened = PinotSparkTable.open(PinotOptions.of(options.asCaseSensitiveMap()), null);
        return opened.readSchema();
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        PinotOptions options = PinotOptions.of(properties);
        PinotSparkTable before = opened;
        opened = null;
        boolean isSame = before != null && before.options().equals(options) && before.readSchema().equals(schema);
        return isSame ? before : PinotSparkTable.open(options, schema);
    }
}
