package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes with units, as the options of the job file have them. */
final class Sizes {
    private static final Pattern SIZE = Pattern.compile("\\s*([0-9]{1,12})\\s*(|B|KIB|MIB|GIB|TIB|KB|MB|GB|TB)\\s*");
    private static final String UNITS = "KMGT";
    private static final int BINARY_DIGITS = 10;

    private Sizes() {}

    static long bytes(String text) {
        Matcher size = SIZE.matcher(text.toUpperCase(Locale.ROOT));
        if (!size.matches()) {
            throw new PinotageException(
                    ErrorKind.INVALID_CONFIG, "expected a size such as `512MiB`, found `" + text + "`", "correct `limits.memory`");
        }
        long bytes = Long.parseLong(size.group(1));
        String unit = size.group(2);
        int power = unit.length() < 2 ? 0 : UNITS.indexOf(unit.charAt(0)) + 1;
        for (int i = 0; i < power; i++) {
            bytes = Math.multiplyExact(bytes, unit.length() == 3 ? 1L << BINARY_DIGITS : 1000L);
        }
        return bytes;
    }
}
