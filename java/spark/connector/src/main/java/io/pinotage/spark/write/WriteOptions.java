package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.sink.SinkOptions;
import io.pinotage.spark.PinotOptions;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the options of a table say about writing. Those of the job file's sink have their names there: {@code sink.segment.maxRows}. */
public final class WriteOptions {
    /** Where rows and segments wait that are not in the table yet: a URI, or a path that all hosts have. */
    static final String STAGING = "staging";

    /** A part of segment names, and whose they are. */
    static final String JOB = "job";

    /** Where rows go that the table does not take. */
    static final String QUARANTINE = "quarantine";

    /** Whether rows may have columns that the table lacks and computes others from. */
    static final String EXTRA_COLUMNS = "extraColumns";

    /** Whether rows are sorted by the table's sorted column. */
    static final String SORT = "sort";

    /** {@code exactlyOnce}, or {@code atLeastOnce} for tables that cannot do better. */
    static final String DELIVERY = "delivery";

    /** Whether rows that this job has brought before are an error, because they would be there twice. */
    static final String ONCE = "once";

    /** {@code ifMissing}: the table is made from the columns of the rows. */
    static final String CREATE_TABLE = "createTable";

    /** Whether rows outside of what is overwritten are written again where a segment has them beside others. */
    static final String REWRITE_STRADDLING = "overwrite.rewriteStraddling";

    private static final String TIME_ZONE = "timeZone";
    private static final String STRICT = "strict";
    private static final String ERRORS = "limits.errors";
    private static final String MEMORY = "limits.memory";

    /** All of them but those of the job file. */
    public static final List<String> NAMES = Arrays.asList(
            STAGING, JOB, QUARANTINE, EXTRA_COLUMNS, SORT, DELIVERY, ONCE, CREATE_TABLE, REWRITE_STRADDLING, TIME_ZONE, STRICT);

    /** What options of the job file begin with. The library knows all of them, and refuses others by name. */
    public static final List<String> PREFIXES = Arrays.asList("sink.", "limits.", "store.", "create.");

    /** Memory of a task, outside of Java's heap. */
    static final String DEFAULT_MEMORY = "512MiB";

    private static final long QUARANTINE_ROWS = 100;
    private static final String URL_SCHEME = "pinot://";
    private static final String URL_SCHEME_TLS = "pinot+https://";

    private final PinotOptions options;

    WriteOptions(PinotOptions options) {
        this.options = options;
    }

    PinotOptions all() {
        return options;
    }

    /** The table without its type. */
    String table() {
        String table = place();
        for (String type : new String[] {"_OFFLINE", "_REALTIME"}) {
            if (table.endsWith(type)) {
                return table.substring(0, table.length() - type.length());
            }
        }
        return table;
    }

    /** The table as it was given, without the cluster. */
    private String place() {
        String table = options.table();
        if (!isUrl(table)) {
            return table;
        }
        String path = table.split("\\?", 2)[0];
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private static boolean isUrl(String table) {
        return table.startsWith(URL_SCHEME) || table.startsWith(URL_SCHEME_TLS);
    }

    String controller() {
        String table = options.table();
        if (!isUrl(table)) {
            return options.controller();
        }
        String address = table.substring(0, table.split("\\?", 2)[0].lastIndexOf('/'));
        return address.replaceFirst("^pinot\\+https:", "https:").replaceFirst("^pinot:", "http:");
    }

    private String half() {
        String type = options.get(PinotOptions.TABLE_TYPE);
        if (type == null) {
            return place().endsWith("_REALTIME") ? "REALTIME" : "OFFLINE";
        }
        return type.toUpperCase(Locale.ROOT);
    }

    boolean is(String name, boolean otherwise) {
        String value = options.get(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.equalsIgnoreCase("true") && !value.equalsIgnoreCase("false")) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG, "`" + name + "`: expected true or false, found `" + value + "`", "correct it");
        }
        return value.equalsIgnoreCase("true");
    }

    /** One of some words; null when the option is not there. */
    String oneOf(String name, String... words) {
        String value = options.get(name);
        if (value == null) {
            return null;
        }
        for (String word : words) {
            if (word.equalsIgnoreCase(value)) {
                return word;
            }
        }
        throw new PinotageException(
                ErrorKind.INVALID_CONFIG,
                "`" + name + "`: expected " + String.join(" or ", words) + ", found `" + value + "`",
                "correct it");
    }

    /** The folder for rows that the table does not take; null where the first one fails the job. */
    String quarantine() {
        return options.get(QUARANTINE);
    }

    /** Memory of a task, as it was given. */
    String memory() {
        String memory = options.get(MEMORY);
        return memory == null ? DEFAULT_MEMORY : memory;
    }

    /**
     * The options as the library takes them.
     *
     * @param job the job when none is named
     * @param foreign what happens to segments of others, when no option says so; null for the library's own
     */
    SinkOptions sink(String job, String foreign) {
        String staging = options.get(STAGING);
        if (staging == null) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG,
                    "segments wait somewhere until all of them are there, and no `" + STAGING + "` is named",
                    "set `" + STAGING + "` to a URI such as `s3://bucket/staging`, or the path of a folder that all hosts see");
        }
        SinkOptions sink = new SinkOptions()
                .set("name", options.get(JOB) == null ? job : options.get(JOB))
                .set(STAGING, staging)
                .set(MEMORY, memory())
                .set("sink.kind", "pinot")
                .set("sink.table", table())
                .set("sink.tableType", half());
        if (quarantine() != null) {
            sink.set(ERRORS, QUARANTINE_ROWS);
        }
        if (foreign != null) {
            sink.set("sink.push.foreign", foreign);
        }
        String connection = options.connection();
        if (connection != null) {
            sink.setJson("sink.connection", connection);
        } else if (controller() != null) {
            sink.set("sink.controller", controller());
        }
        options.forEach((name, value) -> {
            boolean isOfJobFile = name.startsWith("sink.") || name.startsWith("limits.") || name.startsWith("store.");
            if (isOfJobFile || name.equals(TIME_ZONE) || name.equals(STRICT)) {
                set(sink, name, value);
            }
        });
        return sink;
    }

    private static void set(SinkOptions sink, String name, String value) {
        if (name.equals(ERRORS) && value.matches("[0-9]{1,18}")) {
            sink.set(name, Long.parseLong(value));
        } else {
            sink.setText(name, value);
        }
    }

    /** Options of {@code CREATE TABLE}, as the catalog takes them. */
    Map<String, String> create() {
        Map<String, String> create = new java.util.HashMap<>();
        options.forEach((name, value) -> {
            if (name.startsWith("create.")) {
                create.put(name, value);
            }
        });
        return create;
    }
}
