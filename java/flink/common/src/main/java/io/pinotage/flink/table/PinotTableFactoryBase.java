package io.pinotage.flink.table;

import io.pinotage.flink.sink.SinkBuilder;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.catalog.UniqueConstraint;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.RowType;

/** {@code 'connector' = 'pinotage'}, but for the sink itself, which the lines of Flink have differently. */
public abstract class PinotTableFactoryBase implements DynamicTableSinkFactory, DynamicTableSourceFactory {
    /** The connector's name. */
    public static final String IDENTIFIER = "pinotage";

    protected abstract SinkBuilder<RowData, ?> sink();

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Collections.emptySet();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return new HashSet<>(TableOptions.ALL);
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        if (context.getCatalogTable().getOptions().containsKey(SinkBuilder.UPLOAD_TIME)) {
            throw SinkBuilder.noUploadTime();
        }
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(TableOptions.prefixes());
        ReadableConfig options = helper.getOptions();
        ResolvedSchema schema = context.getCatalogTable().getResolvedSchema();
        RowType type = (RowType) context.getPhysicalRowDataType().getLogicalType();
        List<String> primaryKey =
                schema.getPrimaryKey().map(UniqueConstraint::getColumns).orElse(Collections.emptyList());
        ChangelogConverter converter = new ChangelogConverter(type, primaryKey);
        String table = context.getObjectIdentifier().getObjectName();
        SinkBuilder<RowData, ?> sink = sink();
        TableOptions.apply(options, context.getCatalogTable().getOptions(), table, sink);
        sink.converter(converter);
        // The order matters: the converter knows the table when the sink has been built.
        return new PinotTableSink(
                table, sink.build(), converter.mode(), options.getOptional(TableOptions.PARALLELISM).orElse(null));
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validateExcept(TableOptions.prefixes());
        RowType type = (RowType) context.getPhysicalRowDataType().getLogicalType();
        String name = context.getObjectIdentifier().getObjectName();
        Map<String, String> raw = context.getCatalogTable().getOptions();
        return PinotTableSource.create(name, ReadOptions.of(raw, name), type, ReadOptions.zone(raw));
    }
}
