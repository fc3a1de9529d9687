package io.pinotage.spark.read;

import io.pinotage.scan.Condition;
import io.pinotage.scan.Condition.Op;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.connector.expressions.Expression;
import org.apache.spark.sql.connector.expressions.Literal;
import org.apache.spark.sql.connector.expressions.NamedReference;
import org.apache.spark.sql.connector.expressions.filter.Predicate;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampType;
import org.apache.spark.unsafe.types.UTF8String;

/** Conditions of Spark as those of a scan. Whether Pinot passes the same rows, the library says. */
final class Conditions {
    private static final int MICROS_OF_MILLI = 1000;

    private final StructType columns;

    Conditions(StructType columns) {
        this.columns = columns;
    }

    /** The same condition; null when there is none. */
    Condition of(Expression expression) {
        if (!(expression instanceof Predicate)) {
            return null;
        }
        Predicate predicate = (Predicate) expression;
        Expression[] parts = predicate.children();
        switch (predicate.name()) {
            case "AND":
            case "OR":
                return joined(predicate.name(), parts);
            case "NOT":
                Condition part = of(parts[0]);
                return part == null ? null : part.not();
            case "IS_NULL":
                return column(parts[0]) == null ? null : Condition.isNull(column(parts[0]).name());
            case "IS_NOT_NULL":
                return column(parts[0]) == null ? null : Condition.isNotNull(column(parts[0]).name());
            case "IN":
                return in(parts);
            case "STARTS_WITH":
                return like(parts, "", "%");
            case "ENDS_WITH":
                return like(parts, "%", "");
            case "CONTAINS":
                return like(parts, "%", "%");
            case "<=>":
                return same(parts);
            default:
                Op op = op(predicate.name());
                return op == null || parts.length != 2 ? null : compare(parts[0], op, parts[1]);
        }
    }

    private Condition joined(String name, Expression[] parts) {
        List<Condition> all = new ArrayList<>();
        for (Expression part : parts) {
            Condition one = of(part);
            if (one == null) {
                return null;
            }
            all.add(one);
        }
        return name.equals("AND") ? Condition.and(all) : Condition.or(all);
    }

    private Condition compare(Expression left, Op op, Expression right) {
        StructField column = column(left);
        if (column == null) {
            return column(right) == null ? null : compare(right, op.mirrored(), left);
        }
        String value = literal(right, column.dataType());
        return value == null ? null : Condition.compare(column.name(), op, value);
    }

    /** {@code column <=> value} is never unknown. */
    private Condition same(Expression[] parts) {
        StructField column = column(parts[0]);
        if (column == null) {
            return column(parts[1]) == null ? null : same(new Expression[] {parts[1], parts[0]});
        }
        if (parts[1] instanceof Literal && ((Literal<?>) parts[1]).value() == null) {
            return Condition.isNull(column.name());
        }
        Condition equal = compare(parts[0], Op.EQ, parts[1]);
        return equal == null ? null : Condition.and(Condition.isNotNull(column.name()), equal);
    }

    private Condition in(Expression[] parts) {
        StructField column = column(parts[0]);
        if (column == null || parts.length == 1) {
            return null;
        }
        List<String> values = new ArrayList<>();
        for (Expression part : Arrays.asList(parts).subList(1, parts.length)) {
            String value = literal(part, column.dataType());
            if (value == null) {
                return null;
            }
            values.add(value);
        }
        return Condition.in(column.name(), values);
    }

    private Condition like(Expression[] parts, String before, String behind) {
        StructField column = column(parts[0]);
        String text = column == null || !(column.dataType() instanceof StringType) ? null : literal(parts[1], column.dataType());
        return text == null ? null : Condition.like(column.name(), before + Condition.literal(text) + behind);
    }

    private static Op op(String name) {
        switch (name) {
            case "=":
                return Op.EQ;
            case "<>":
                return Op.NOT_EQ;
            case "<":
                return Op.LT;
            case "<=":
                return Op.LT_EQ;
            case ">":
                return Op.GT;
            case ">=":
                return Op.GT_EQ;
            default:
                return null;
        }
    }

    /** The column that an expression is; null when it is something else. */
    StructField column(Expression expression) {
        if (!(expression instanceof NamedReference)) {
            return null;
        }
        String[] names = ((NamedReference) expression).fieldNames();
        for (StructField field : columns.fields()) {
            if (names.length == 1 && field.name().equals(names[0])) {
                return field;
            }
        }
        return null;
    }

    /** A literal that has the column's type, as the library takes it; null for any other, and for null. */
    private static String literal(Expression expression, DataType type) {
        if (!(expression instanceof Literal)) {
            return null;
        }
        Object value = ((Literal<?>) expression).value();
        if (value == null || !((Literal<?>) expression).dataType().equals(type)) {
            return null;
        }
        if (type instanceof StringType) {
            String text = value.toString();
            // Bytes that are no text are not what they are shown as.
            return UTF8String.fromString(text).equals(value) ? text : null;
        }
        if (type instanceof TimestampType) {
            long micros = (Long) value;
            return micros % MICROS_OF_MILLI == 0 ? Long.toString(micros / MICROS_OF_MILLI) : null;
        }
        if (type instanceof BinaryType) {
            return hex((byte[]) value);
        }
        boolean isPlain = type instanceof BooleanType
                || type instanceof IntegerType
                || type instanceof LongType
                || type instanceof FloatType
                || type instanceof DoubleType;
        return isPlain ? value.toString() : null;
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte one : bytes) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }
}
