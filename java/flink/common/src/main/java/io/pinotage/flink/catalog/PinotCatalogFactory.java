package io.pinotage.flink.catalog;

import io.pinotage.flink.table.ReadOptions;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Catalog;
import org.apache.flink.table.factories.CatalogFactory;

/**
 * {@code CREATE CATALOG … WITH ('type' = 'pinotage', 'controller' = 'host:9000')}. All other options are those of each of its
 * tables, such as {@code scan.reader} and {@code staging}. Flink finds it by {@code META-INF/services}.
 */
public final class PinotCatalogFactory implements CatalogFactory {
    private static final String IDENTIFIER = "pinotage";
    private static final String TYPE = "type";

    private static final ConfigOption<String> CONTROLLER = ConfigOptions.key("controller")
            .stringType()
            .noDefaultValue()
            .withDescription("The controller: host:port or URL.");

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Collections.singleton(CONTROLLER);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Collections.emptySet();
    }

    @Override
    public Catalog createCatalog(Context context) {
        Map<String, String> tables = new HashMap<>(context.getOptions());
        tables.remove(TYPE);
        if (ReadOptions.controller(tables) == null && ReadOptions.connection(tables) == null) {
            throw new ValidationException("a catalog of Pinot's tables needs the option `controller`");
        }
        ReadOptions.zone(tables);
        return new PinotCatalog(context.getName(), tables);
    }
}
