package io.pinotage.flink.scenarios;

import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarCharType;
import org.apache.flink.types.Row;

/** The row of a number, the same in each of Flink's forms. */
final class Rows {
    static final String[] NAMES = {"id", "key", "price", "at", "tags"};
    static final RowType TYPE = RowType.of(
            new LogicalType[] {
                new BigIntType(),
                VarCharType.STRING_TYPE,
                new DoubleType(),
                new LocalZonedTimestampType(3),
                new ArrayType(VarCharType.STRING_TYPE)
            },
            NAMES);

    static final long BEGIN_MILLIS = 1_700_000_000_000L;

    private Rows() {}

    private static String key(long id) {
        return "k" + id % 500;
    }

    private static String[] tags(long id) {
        return id % 2 == 0 ? new String[] {"even", "n" + id % 10} : new String[] {"odd"};
    }

    static Row row(long id) {
        return Row.of(id, key(id), id * 0.25, Instant.ofEpochMilli(BEGIN_MILLIS + id), tags(id));
    }

    /** Each tenth row has text for its price. */
    static Row wrong(long id) {
        Row row = row(id);
        if (id % 10 == 0) {
            row.setField(2, "much");
        }
        return row;
    }

    static Map<String, Object> map(long id) {
        Row row = row(id);
        Map<String, Object> map = new HashMap<>();
        for (int i = 0; i < NAMES.length; i++) {
            map.put(NAMES[i], row.getField(i));
        }
        map.put("goes nowhere", true);
        return map;
    }

    static RowData rowData(long id) {
        Object[] tags = Arrays.stream(tags(id)).map(StringData::fromString).toArray();
        return GenericRowData.of(
                id,
                StringData.fromString(key(id)),
                id * 0.25,
                TimestampData.fromEpochMillis(BEGIN_MILLIS + id),
                new GenericArrayData(tags));
    }
}
