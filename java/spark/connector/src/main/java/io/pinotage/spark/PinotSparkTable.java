package io.pinotage.spark;

import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanColumn;
import io.pinotage.spark.read.PinotScanBuilder;
import io.pinotage.spark.read.PinotTypes;
import io.pinotage.spark.write.PinotWriteBuilder;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.MetadataColumn;
import org.apache.spark.sql.connector.catalog.SupportsMetadataColumns;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.SupportsWrite;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.write.LogicalWriteInfo;
import org.apache.spark.sql.connector.write.WriteBuilder;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/** A table of Pinot in Spark. */
public final class PinotSparkTable implements SupportsRead, SupportsWrite, SupportsMetadataColumns {
    /** Rows that are written come by name and position as the columns say, which Spark sees to. */
    private static final Set<TableCapability> OF_CATALOG = Collections.unmodifiableSet(EnumSet.of(
            TableCapability.BATCH_READ,
            TableCapability.BATCH_WRITE,
            TableCapability.STREAMING_WRITE,
            TableCapability.TRUNCATE,
            TableCapability.OVERWRITE_BY_FILTER,
            TableCapability.OVERWRITE_DYNAMIC));

    /** Rows that are written have their own columns, which the write looks at. */
    private static final Set<TableCapability> OF_FORMAT = withAnySchema();

    private final PinotOptions options;
    /** The columns that somebody names; null for those that Pinot has. */
    private final StructType declared;
    /** The columns that Pinot has, once it was asked. */
    private StructType found;

    private final Map<String, String> properties = new HashMap<>();

    private static Set<TableCapability> withAnySchema() {
        EnumSet<TableCapability> all = EnumSet.copyOf(OF_CATALOG);
        all.add(TableCapability.ACCEPT_ANY_SCHEMA);
        return Collections.unmodifiableSet(all);
    }

    private PinotSparkTable(PinotOptions options, StructType declared) {
        this.options = options;
        this.declared = declared;
    }

    /**
     * A table. Without columns the controller is asked for them now.
     *
     * @param declared the columns to read, or of the rows to write; they are looked at when it is known which; may be null
     * @throws io.pinotage.PinotageException {@code not-found} for a table that does not exist
     */
    public static PinotSparkTable open(PinotOptions options, StructType declared) {
        PinotSparkTable table = new PinotSparkTable(options, declared);
        if (declared == null) {
            table.ask();
        }
        return table;
    }

    private void ask() {
        try (PinotTable table = PinotTable.open(options.scan())) {
            List<ScanColumn> columns = table.columns();
            found = PinotTypes.of(columns);
            if (!table.primaryKey().isEmpty()) {
                properties.put("primaryKey", String.join(",", table.primaryKey()));
            }
            if (table.timeColumn() != null) {
                properties.put("timeColumn", table.timeColumn());
            }
        }
    }

    /** What was said about the table. */
    public PinotOptions options() {
        return options;
    }

    /** The columns as they are read. */
    StructType readSchema() {
        return declared == null ? found : declared;
    }

    @Override
    public String name() {
        return options.toString();
    }

    @Override
    @SuppressWarnings("deprecation") // Its successor speaks of classes that make columns, which are Scala's.
    public StructType schema() {
        return readSchema();
    }

    @Override
    public MetadataColumn[] metadataColumns() {
        return new MetadataColumn[] {
            new Place("$segmentName", DataTypes.StringType, "the segment that has the row"),
            new Place("$docId", DataTypes.IntegerType, "the row's number in its segment")
        };
    }

    /** A column that says where a row lies; it comes when it is named. */
    private static final class Place implements MetadataColumn {
        private final String name;
        private final DataType type;
        private final String comment;

        Place(String name, DataType type, String comment) {
            this.name = name;
            this.type = type;
            this.comment = comment;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public DataType dataType() {
            return type;
        }

        @Override
        public boolean isNullable() {
            return false;
        }

        @Override
        public String comment() {
            return comment;
        }
    }

    @Override
    public Map<String, String> properties() {
        return Collections.unmodifiableMap(properties);
    }

    @Override
    public Set<TableCapability> capabilities() {
        return declared == null ? OF_CATALOG : OF_FORMAT;
    }

    @Override
    public WriteBuilder newWriteBuilder(LogicalWriteInfo info) {
        return new PinotWriteBuilder(options.with(info.options().asCaseSensitiveMap()), info, declared == null);
    }

    @Override
    public ScanBuilder newScanBuilder(CaseInsensitiveStringMap more) {
        return new PinotScanBuilder(options.with(more.asCaseSensitiveMap()), declared);
    }
}
