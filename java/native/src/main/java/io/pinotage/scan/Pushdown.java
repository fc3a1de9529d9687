package io.pinotage.scan;

/** What becomes of a condition. */
public enum Pushdown {
    /** It cannot be said to Pinot: the engine checks it. */
    NO,
    /** It leaves out rows, but not all that do not pass: the engine checks it again. */
    RECHECK,
    /** Every row that comes passes it. */
    EXACT
}
