package io.pinotage.spark.read;

import io.pinotage.scan.Aggregate;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.aggregate.AggregateFunc;
import org.apache.spark.sql.connector.expressions.aggregate.Aggregation;
import org.apache.spark.sql.connector.expressions.aggregate.Avg;
import org.apache.spark.sql.connector.expressions.aggregate.Count;
import org.apache.spark.sql.connector.expressions.aggregate.CountStar;
import org.apache.spark.sql.connector.expressions.aggregate.Max;
import org.apache.spark.sql.connector.expressions.aggregate.Min;
import org.apache.spark.sql.connector.expressions.aggregate.Sum;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Aggregations of Spark as those of a scan. Whether servers answer exactly, the plan says. */
final class Aggregates {
    private final Conditions names;
    /** Somebody wants the mean of a BIGINT, which Spark would then ask for as its sum: that wraps, and Spark's mean does not. */
    private boolean hasMeanOfLongs;

    Aggregates(StructType columns) {
        this.names = new Conditions(columns);
    }

    /** Whether the only number is how many rows there are. */
    static boolean isCountOfAll(Aggregation aggregation) {
        AggregateFunc[] functions = aggregation.aggregateExpressions();
        return aggregation.groupByExpressions().length == 0 && functions.length == 1 && functions[0] instanceof CountStar;
    }

    /** Spark shows an aggregation as it was meant, before it asks for the same without means. */
    void show(Aggregation aggregation) {
        for (AggregateFunc function : aggregation.aggregateExpressions()) {
            if (function instanceof Avg) {
                StructField column = names.column(((Avg) function).column());
                hasMeanOfLongs |= column == null || column.dataType().equals(DataTypes.LongType);
            }
        }
    }

    /** The same aggregation; false when there is none. */
    boolean of(Aggregation aggregation, Pushed wanted) {
        wanted.groupBy = new ArrayList<>();
        wanted.aggregates = new ArrayList<>();
        List<StructField> fields = new ArrayList<>();
        for (Expression key : aggregation.groupByExpressions()) {
            StructField column = names.column(key);
            if (column == null || !isComparable(column.dataType())) {
                return false;
            }
            wanted.groupBy.add(column.name());
            fields.add(column);
        }
        for (AggregateFunc function : aggregation.aggregateExpressions()) {
            StructField field = add(function, wanted.aggregates);
            if (field == null) {
                return false;
            }
            fields.add(field);
        }
        wanted.schema = new StructType(fields.toArray(new StructField[0]));
        return true;
    }

    private StructField add(AggregateFunc function, List<Aggregate> to) {
        if (function instanceof CountStar) {
            to.add(Aggregate.rows());
            return field(function, DataTypes.LongType);
        }
        StructField column = column(function);
        if (column == null) {
            return null;
        }
        DataType type = column.dataType();
        boolean isWhole = type.equals(DataTypes.IntegerType) || type.equals(DataTypes.LongType);
        if (function instanceof Count && isComparable(type)) {
            to.add(Aggregate.count(column.name()));
            return field(function, DataTypes.LongType);
        }
        if (function instanceof Min && (isWhole || type.equals(DataTypes.TimestampType))) {
            to.add(Aggregate.min(column.name()));
            return field(function, type);
        }
        if (function instanceof Max && (isWhole || type.equals(DataTypes.TimestampType))) {
            to.add(Aggregate.max(column.name()));
            return field(function, type);
        }
        // A sum of BIGINT that has no place is an error in ANSI mode, which nobody would notice here.
        boolean isSafe = type.equals(DataTypes.IntegerType) || !hasMeanOfLongs && !SQLConf.get().ansiEnabled();
        if (function instanceof Sum && isWhole && isSafe) {
            to.add(Aggregate.sum(column.name()));
            return field(function, DataTypes.LongType);
        }
        return null;
    }

    private StructField column(AggregateFunc function) {
        if (function instanceof Count) {
            return ((Count) function).isDistinct() ? null : names.column(((Count) function).column());
        }
        if (function instanceof Sum) {
            return ((Sum) function).isDistinct() ? null : names.column(((Sum) function).column());
        }
        if (function instanceof Min) {
            return names.column(((Min) function).column());
        }
        return function instanceof Max ? names.column(((Max) function).column()) : null;
    }

    /** Not lists, of which Pinot takes each value, nor what comes as something else. */
    private static boolean isComparable(DataType type) {
        return !(type instanceof ArrayType || type instanceof MapType || type instanceof DecimalType);
    }

    private static StructField field(AggregateFunc function, DataType type) {
        return DataTypes.createStructField(function.toString(), type, true);
    }
}
