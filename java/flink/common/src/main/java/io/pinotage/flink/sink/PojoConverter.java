package io.pinotage.flink.sink;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.arrow.ArrowField;
import io.pinotage.arrow.ArrowSchema;
import io.pinotage.arrow.BatchBuilder;
import io.pinotage.sink.PinotSinkTable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Objects as rows: public fields, and getters by the names that Java's beans have. */
final class PojoConverter<T> implements RowConverter<T> {
    private static final long serialVersionUID = 1L;

    private final Class<T> type;
    private transient Map<String, Property> properties;

    PojoConverter(Class<T> type) {
        this.type = type;
    }

    private interface Property {
        Object of(Object row) throws IllegalAccessException, InvocationTargetException;
    }

    private Map<String, Property> properties() {
        if (properties == null) {
            Map<String, Property> found = new HashMap<>();
            for (Method method : type.getMethods()) {
                String name = propertyName(method);
                if (name != null && method.getDeclaringClass() != Object.class) {
                    found.put(name, method::invoke);
                }
            }
            for (java.lang.reflect.Field field : type.getFields()) {
                if (!Modifier.isStatic(field.getModifiers())) {
                    found.put(field.getName(), field::get);
                }
            }
            properties = found;
        }
        return properties;
    }

    /** {@code getPrice} and {@code isPaid} are of {@code price} and {@code paid}. */
    private static String propertyName(Method method) {
        if (method.getParameterCount() > 0 || Modifier.isStatic(method.getModifiers())) {
            return null;
        }
        String name = method.getName();
        boolean isBoolean = method.getReturnType() == boolean.class || method.getReturnType() == Boolean.class;
        int prefix = name.startsWith("get") ? 3 : name.startsWith("is") && isBoolean ? 2 : name.length();
        return name.length() == prefix ? null : java.beans.Introspector.decapitalize(name.substring(prefix));
    }

    @Override
    public ArrowSchema columns(PinotSinkTable table) {
        if (!Modifier.isPublic(type.getModifiers())) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG, "`" + type.getName() + "` is not public", "make the class public");
        }
        List<ArrowField> fields = new ArrayList<>();
        for (ArrowField field : table.schema().fields()) {
            if (properties().containsKey(field.name())) {
                fields.add(field);
            }
        }
        if (fields.isEmpty()) {
            throw new PinotageException(
                    ErrorKind.SCHEMA_MISMATCH,
                    "`" + type.getName() + "` has " + properties().keySet() + ", and no column of the table " + table.schema(),
                    "name public fields or getters as the table's columns");
        }
        return new ArrowSchema(fields);
    }

    @Override
    public void append(T row, BatchBuilder columns) {
        int count = columns.schema().fields().size();
        for (int i = 0; i < count; i++) {
            Values.append(of(row, columns.column(i).field().name()), columns.column(i));
        }
    }

    @Override
    public Object value(T row, String column) {
        return Values.deciding(of(row, column));
    }

    private Object of(T row, String name) {
        try {
            return properties().get(name).of(row);
        } catch (IllegalAccessException | InvocationTargetException error) {
            throw new IllegalStateException("`" + name + "` of `" + type.getName() + "` cannot be read", error);
        }
    }
}
