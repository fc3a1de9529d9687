package io.pinotage.sink;

/** What a sink promises about rows, the least first. */
public enum Delivery {
    /** Every row is there; after a failure some may be there twice. */
    AT_LEAST_ONCE,
    /** Every row is there, and a row that comes twice takes the place of itself. */
    IDEMPOTENT,
    /** Every row is there once, and the rows of a publication appear together. */
    TRANSACTIONAL;

    static Delivery of(String text) {
        return valueOf(text.replace('-', '_').toUpperCase(java.util.Locale.ROOT));
    }
}
