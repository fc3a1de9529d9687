package io.pinotage.flink.scenarios;

import java.util.Map;
import java.util.TreeMap;

/** The options of a scenario. */
final class Options {
    private final Map<String, String> options;

    Options(Map<String, String> options) {
        this.options = options;
    }

    /** Of words {@code <option>=<value>}. */
    static Options of(String[] words) {
        Map<String, String> options = new TreeMap<>();
        for (String word : words) {
            int equals = word.indexOf('=');
            options.put(word.substring(0, equals), word.substring(equals + 1));
        }
        return new Options(options);
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

    boolean has(String name) {
        return options.containsKey(name);
    }
}
