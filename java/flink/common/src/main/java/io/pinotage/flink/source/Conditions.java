package io.pinotage.flink.source;

import io.pinotage.scan.Condition;
import io.pinotage.scan.Condition.Op;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.table.expressions.CallExpression;
import org.apache.flink.table.expressions.FieldReferenceExpression;
import org.apache.flink.table.expressions.ResolvedExpression;
import org.apache.flink.table.expressions.ValueLiteralExpression;
import org.apache.flink.table.functions.BuiltInFunctionDefinitions;
import org.apache.flink.table.functions.FunctionDefinition;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** Conditions of Flink as those of a scan. Whether Pinot passes the same rows, the library says. */
final class Conditions {
    private Conditions() {}

    /** The same condition; nothing when there is none. */
    static Optional<Condition> of(ResolvedExpression expression) {
        return Optional.ofNullable(condition(expression));
    }

    private static Condition condition(ResolvedExpression expression) {
        if (expression instanceof FieldReferenceExpression) {
            boolean isFlag = root(expression) == LogicalTypeRoot.BOOLEAN;
            return isFlag ? Condition.compare(name(expression), Op.EQ, "true") : null;
        }
        if (!(expression instanceof CallExpression)) {
            return null;
        }
        FunctionDefinition function = ((CallExpression) expression).getFunctionDefinition();
        List<ResolvedExpression> operands = expression.getResolvedChildren();
        if (function == BuiltInFunctionDefinitions.AND || function == BuiltInFunctionDefinitions.OR) {
            List<Condition> parts = new ArrayList<>();
            for (ResolvedExpression operand : operands) {
                Condition part = condition(operand);
                if (part == null) {
                    return null;
                }
                parts.add(part);
            }
            return function == BuiltInFunctionDefinitions.AND ? Condition.and(parts) : Condition.or(parts);
        }
        if (function == BuiltInFunctionDefinitions.NOT) {
            Condition part = condition(operands.get(0));
            return part == null ? null : part.not();
        }
        if (function == BuiltInFunctionDefinitions.IS_NULL) {
            return isColumn(operands.get(0)) ? Condition.isNull(name(operands.get(0))) : null;
        }
        if (function == BuiltInFunctionDefinitions.IS_NOT_NULL) {
            return isColumn(operands.get(0)) ? Condition.isNotNull(name(operands.get(0))) : null;
        }
        if (function == BuiltInFunctionDefinitions.IN) {
            return in(operands);
        }
        if (function == BuiltInFunctionDefinitions.LIKE) {
            return operands.size() == 2 ? like(operands.get(0), operands.get(1)) : null;
        }
        Op op = op(function);
        return op == null || operands.size() != 2 ? null : compare(operands.get(0), op, operands.get(1));
    }

    private static Condition compare(ResolvedExpression left, Op op, ResolvedExpression right) {
        if (isColumn(left)) {
            String value = literal(right, left);
            return value == null ? null : Condition.compare(name(left), op, value);
        }
        return isColumn(right) ? compare(right, op.mirrored(), left) : null;
    }

    private static Condition in(List<ResolvedExpression> operands) {
        ResolvedExpression column = operands.get(0);
        List<String> values = new ArrayList<>();
        for (ResolvedExpression operand : operands.subList(1, operands.size())) {
            String value = isColumn(column) ? literal(operand, column) : null;
            if (value == null) {
                return null;
            }
            values.add(value);
        }
        return Condition.in(name(column), values);
    }

    private static Condition like(ResolvedExpression column, ResolvedExpression pattern) {
        String text = isColumn(column) ? literal(pattern, column) : null;
        // In Flink `_` is no line break, and what a backslash is differs between its lines.
        boolean isAlike = text != null && text.indexOf('_') < 0 && text.indexOf('\\') < 0;
        return isAlike ? Condition.like(name(column), text) : null;
    }

    private static Op op(FunctionDefinition function) {
        if (function == BuiltInFunctionDefinitions.EQUALS) {
            return Op.EQ;
        }
        if (function == BuiltInFunctionDefinitions.NOT_EQUALS) {
            return Op.NOT_EQ;
        }
        if (function == BuiltInFunctionDefinitions.LESS_THAN) {
            return Op.LT;
        }
        if (function == BuiltInFunctionDefinitions.LESS_THAN_OR_EQUAL) {
            return Op.LT_EQ;
        }
        if (function == BuiltInFunctionDefinitions.GREATER_THAN) {
            return Op.GT;
        }
        return function == BuiltInFunctionDefinitions.GREATER_THAN_OR_EQUAL ? Op.GT_EQ : null;
    }

    private static boolean isColumn(ResolvedExpression expression) {
        return expression instanceof FieldReferenceExpression;
    }

    private static String name(ResolvedExpression column) {
        return ((FieldReferenceExpression) column).getName();
    }

    private static LogicalTypeRoot root(ResolvedExpression expression) {
        return expression.getOutputDataType().getLogicalType().getTypeRoot();
    }

    /** A literal that has the column's type, as the library takes it. */
    private static String literal(ResolvedExpression expression, ResolvedExpression column) {
        if (!(expression instanceof ValueLiteralExpression) || ((ValueLiteralExpression) expression).isNull()) {
            return null;
        }
        ValueLiteralExpression literal = (ValueLiteralExpression) expression;
        LogicalTypeRoot found = root(literal);
        LogicalType type = column.getOutputDataType().getLogicalType();
        switch (type.getTypeRoot()) {
            case BOOLEAN:
                return found == type.getTypeRoot() ? text(literal, Boolean.class) : null;
            case INTEGER:
                return found == type.getTypeRoot() ? text(literal, Integer.class) : null;
            case BIGINT:
                return found == type.getTypeRoot() ? text(literal, Long.class) : null;
            case FLOAT:
                return found == type.getTypeRoot() ? text(literal, Float.class) : null;
            case DOUBLE:
                return found == type.getTypeRoot() ? text(literal, Double.class) : null;
            case VARCHAR:
                return found == LogicalTypeRoot.CHAR || found == LogicalTypeRoot.VARCHAR
                        ? text(literal, String.class)
                        : null;
            case VARBINARY:
                return found == LogicalTypeRoot.BINARY || found == LogicalTypeRoot.VARBINARY
                        ? literal.getValueAs(byte[].class).map(Conditions::hex).orElse(null)
                        : null;
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return found == type.getTypeRoot()
                        ? literal.getValueAs(Instant.class).map(Conditions::millis).orElse(null)
                        : null;
            default:
                return null;
        }
    }

    private static <T> String text(ValueLiteralExpression literal, Class<T> type) {
        return literal.getValueAs(type).map(Object::toString).orElse(null);
    }

    /** Nothing for what lies between two milliseconds. */
    private static String millis(Instant instant) {
        return instant.getNano() % 1_000_000 == 0 ? Long.toString(instant.toEpochMilli()) : null;
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte one : bytes) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }
}
