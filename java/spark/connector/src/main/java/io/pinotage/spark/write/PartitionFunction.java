package io.pinotage.spark.write;

import io.pinotage.sink.PinotPartitioner;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.catalog.functions.BoundFunction;
import org.apache.spark.sql.connector.catalog.functions.ScalarFunction;
import org.apache.spark.sql.connector.catalog.functions.UnboundFunction;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;

/**
 * The partition of a table that a row belongs to, as a function of a catalog: {@code pinot_partition_of_orders(customer)}. Rows of a
 * partition go to one task by it, which makes a segment of them and not each task one.
 */
public final class PartitionFunction implements UnboundFunction {
    /** What the names of all of them begin with; the table's name follows. */
    public static final String PREFIX = "pinot_partition_of_";

    private static final long MICROS = 1_000;

    private final String name;
    private final PinotPartitioner partitioner;

    /** That of a table. */
    public PartitionFunction(String table, PinotPartitioner partitioner) {
        this(partitioner, PREFIX + table);
    }

    private PartitionFunction(PinotPartitioner partitioner, String name) {
        this.name = name;
        this.partitioner = partitioner;
    }

    /** One of a name that no other function has, but those that say the same of every value. */
    public static PartitionFunction named(String name, PinotPartitioner partitioner) {
        return new PartitionFunction(partitioner, name);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return name + "(" + String.join(", ", partitioner.columns()) + "): the partition of a row";
    }

    @Override
    public BoundFunction bind(StructType arguments) {
        if (arguments.size() != partitioner.columns().size()) {
            throw new UnsupportedOperationException("expected " + description());
        }
        DataType[] types = new DataType[arguments.size()];
        for (int i = 0; i < types.length; i++) {
            types[i] = arguments.fields()[i].dataType();
            if (!takes(types[i])) {
                throw new UnsupportedOperationException(name + " takes no " + types[i].sql());
            }
        }
        return new Bound(name, partitioner, types);
    }

    /** Whether the partition of values of a type is known: of others rows are spread where they are converted. */
    static boolean takes(DataType type) {
        return type instanceof StringType
                || type instanceof BinaryType
                || type instanceof TimestampType
                || type.equals(DataTypes.IntegerType)
                || type.equals(DataTypes.LongType)
                || type.equals(DataTypes.ShortType)
                || type.equals(DataTypes.ByteType)
                || type.equals(DataTypes.BooleanType);
    }

    /** Whether rows of these columns can be spread by a partitioner. */
    static boolean takes(StructType rows, PinotPartitioner partitioner) {
        List<String> names = java.util.Arrays.asList(rows.fieldNames());
        return partitioner.columns().stream()
                .allMatch(column -> names.contains(column) && takes(rows.fields()[names.indexOf(column)].dataType()));
    }

    private static final class Bound implements ScalarFunction<Integer> {
        private static final long serialVersionUID = 1L;

        private final String name;
        private final PinotPartitioner partitioner;
        private final DataType[] types;

        Bound(String name, PinotPartitioner partitioner, DataType[] types) {
            this.name = name;
            this.partitioner = partitioner;
            this.types = types;
        }

        @Override
        public DataType[] inputTypes() {
            return types.clone();
        }

        @Override
        public DataType resultType() {
            return DataTypes.IntegerType;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public String canonicalName() {
            return "io.pinotage." + name;
        }

        @Override
        public Integer produceResult(InternalRow input) {
            Object[] key = new Object[types.length];
            for (int i = 0; i < types.length; i++) {
                key[i] = input.isNullAt(i) ? null : value(input, i);
            }
            return partitioner.partition(key);
        }

        private Object value(InternalRow input, int at) {
            DataType type = types[at];
            Object value = input.get(at, type);
            if (type instanceof TimestampType) {
                return Math.floorDiv((Long) value, MICROS);
            }
            return type instanceof StringType ? value.toString() : value;
        }
    }
}
