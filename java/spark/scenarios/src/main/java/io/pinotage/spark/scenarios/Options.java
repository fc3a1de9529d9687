package io.pinotage.spark.scenarios;

import java.util.Map;
import java.util.function.BiConsumer;

/** The options of a scenario. */
final class Options {
    private final Map<String, String> options;

    Options(Map<String, String> options) {
        this.options = options;
    }

    String text(String name) {
        String value = options.get(name);
        if (value == null) {
            throw new IllegalArgumentException("the scenario needs `" + name + "`");
        }
        return value;
    }

    String text(String name, String otherwise) {
        return options.getOrDefault(name, otherwise);
    }

    long number(String name, long otherwise) {
        String value = options.get(name);
        return value == null ? otherwise : Long.parseLong(value);
    }

    void forEach(BiConsumer<String, String> action) {
        options.forEach(action);
    }

    boolean has(String name) {
        return options.containsKey(name);
    }
}
