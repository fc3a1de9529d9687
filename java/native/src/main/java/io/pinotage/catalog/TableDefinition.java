package io.pinotage.catalog;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.jni.JsonText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Schema and config of a table that is made from columns: an OFFLINE table that keeps nulls, unless a config is given. */
public final class TableDefinition {
    private final String schema;
    private final String config;

    private TableDefinition(String schema, String config) {
        this.schema = schema;
        this.config = config;
    }

    /** Begins a table of this name, without its type. */
    public static Builder named(String table) {
        return new Builder(table);
    }

    /** Pinot's schema as JSON. */
    public String schema() {
        return schema;
    }

    /** Pinot's table config as JSON. */
    public String config() {
        return config;
    }

    /** Takes the columns of a table, and what its config says. */
    public static final class Builder {
        private final String table;
        private final List<String> names = new ArrayList<>();
        private final List<String> dimensions = new ArrayList<>();
        private final List<String> metrics = new ArrayList<>();
        private final List<String> times = new ArrayList<>();
        private final List<String> maps = new ArrayList<>();
        private List<String> key = Collections.emptyList();
        private String time;
        private String replication = "1";
        private String config;

        private Builder(String table) {
            this.table = table;
        }

        /** The column of the table's time, before the columns are added; null for none. */
        public Builder timeColumn(String column) {
            time = column;
            return this;
        }

        /** How many servers have each segment; 1 if not said. */
        public Builder replication(String servers) {
            replication = servers;
            return this;
        }

        /** Pinot's table config as JSON, in place of time and replication; null for none. */
        public Builder config(String json) {
            config = json;
            return this;
        }

        /** The primary key, for the schema. */
        public Builder primaryKey(List<String> columns) {
            key = columns;
            return this;
        }

        /**
         * Adds a column.
         *
         * @param type Pinot's data type, such as {@code LONG}
         * @throws PinotageException {@code unsupported} for a time column that is neither TIMESTAMP nor LONG
         */
        public Builder column(String name, String type, boolean multiValue) {
            boolean isTime = name.equals(time);
            boolean isInstant = type.equals("TIMESTAMP") && !multiValue;
            if (isTime && !isInstant && (multiValue || !type.equals("LONG"))) {
                throw new PinotageException(
                        ErrorKind.UNSUPPORTED,
                        "the time column `" + name + "` is " + type + (multiValue ? ", with many values" : ""),
                        "make it an instant or a BIGINT (milliseconds), or give the table config");
            }
            names.add(name);
            StringBuilder json = new StringBuilder("{");
            JsonText.text(name, JsonText.key("name", json));
            JsonText.text(type, JsonText.key("dataType", json));
            if (multiValue) {
                JsonText.key("singleValueField", json).append(false);
            }
            if (isInstant || isTime) {
                JsonText.text(isInstant ? "TIMESTAMP" : "1:MILLISECONDS:EPOCH", JsonText.key("format", json));
                JsonText.text("1:MILLISECONDS", JsonText.key("granularity", json));
                times.add(json.append('}').toString());
            } else if (type.equals("BIG_DECIMAL")) {
                // The oldest releases take no decimals as dimensions.
                metrics.add(json.append('}').toString());
            } else {
                dimensions.add(json.append('}').toString());
            }
            return this;
        }

        /** Adds a MAP with texts as keys, for values of one of Pinot's data types; Pinot 1.3 and later has them. */
        public Builder map(String name, String valueType) {
            names.add(name);
            StringBuilder json = new StringBuilder("{");
            JsonText.text(name, JsonText.key("name", json));
            JsonText.text("MAP", JsonText.key("dataType", json));
            JsonText.text("COMPLEX", JsonText.key("fieldType", json));
            JsonText.key("childFieldSpecs", json).append('{');
            child("key", "STRING", json);
            child("value", valueType, json);
            maps.add(json.append("}}").toString());
            return this;
        }

        private static void child(String name, String type, StringBuilder json) {
            JsonText.key(name, json).append('{');
            JsonText.text(name, JsonText.key("name", json));
            JsonText.text(type, JsonText.key("dataType", json));
            JsonText.text("DIMENSION", JsonText.key("fieldType", json));
            json.append('}');
        }

        /**
         * The table.
         *
         * @throws PinotageException {@code invalid-config} when there is no such time column
         */
        public TableDefinition build() {
            if (time != null && !names.contains(time)) {
                throw new PinotageException(
                        ErrorKind.INVALID_CONFIG, "there is no column `" + time + "`, which the table's time is to be", "correct it");
            }
            StringBuilder schema = new StringBuilder("{");
            JsonText.text(table, JsonText.key("schemaName", schema));
            fields("dimensionFieldSpecs", dimensions, schema);
            fields("metricFieldSpecs", metrics, schema);
            fields("dateTimeFieldSpecs", times, schema);
            fields("complexFieldSpecs", maps, schema);
            if (!key.isEmpty()) {
                JsonText.list(key, JsonText.key("primaryKeyColumns", schema), JsonText::text);
            }
            schema.append('}');
            return new TableDefinition(schema.toString(), config == null ? plainConfig() : config);
        }

        private static void fields(String key, List<String> fields, StringBuilder json) {
            if (!fields.isEmpty()) {
                JsonText.list(fields, JsonText.key(key, json), (field, to) -> to.append(field));
            }
        }

        private String plainConfig() {
            StringBuilder json = new StringBuilder("{");
            JsonText.text(table + "_OFFLINE", JsonText.key("tableName", json));
            JsonText.text("OFFLINE", JsonText.key("tableType", json));
            JsonText.key("segmentsConfig", json).append('{');
            JsonText.text(replication, JsonText.key("replication", json));
            JsonText.text(table, JsonText.key("schemaName", json));
            if (time != null) {
                JsonText.text(time, JsonText.key("timeColumnName", json));
            }
            json.append('}');
            JsonText.key("tenants", json).append("{}");
            JsonText.key("tableIndexConfig", json).append("{\"loadMode\":\"MMAP\",\"nullHandlingEnabled\":true}");
            JsonText.key("metadata", json).append("{}");
            return json.append('}').toString();
        }
    }
}
