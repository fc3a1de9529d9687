package io.pinotage;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An error that an engine can decide on and a person can act on. It is unchecked: what an engine does with it depends on
 * {@link #kind()} and {@link #retryable()}, not on its class.
 */
public class PinotageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ErrorKind kind;
    private final Origin origin;
    private final boolean retryable;
    private final LinkedHashMap<String, String> context;
    private final String advice;

    /**
     * An error that was found in Java.
     *
     * @param kind what went wrong; origin and whether to try again follow from it
     * @param message first what was expected, then what was found; {@link #getMessage()} has the advice behind it
     * @param advice what a person does next
     */
    public PinotageException(ErrorKind kind, String message, String advice) {
        this(kind, message, advice, null);
    }

    /** The same, with its cause. */
    public PinotageException(ErrorKind kind, String message, String advice, Throwable cause) {
        this(
                kind,
                originOf(kind),
                kind == ErrorKind.UNAVAILABLE,
                kind.text() + ": " + message,
                advice,
                new String[0],
                cause);
    }

    /** Called by the native library. {@code context} has keys and values in turn. */
    PinotageException(
            ErrorKind kind,
            Origin origin,
            boolean retryable,
            String message,
            String advice,
            String[] context,
            Throwable cause) {
        // Engines show messages alone.
        super(advice == null || advice.isEmpty() ? message : message + "; to do: " + advice, cause);
        this.kind = kind;
        this.origin = origin;
        this.retryable = retryable;
        this.advice = advice;
        this.context = new LinkedHashMap<>();
        for (int i = 0; i + 1 < context.length; i += 2) {
            this.context.put(context[i], context[i + 1]);
        }
    }

    private static Origin originOf(ErrorKind kind) {
        switch (kind) {
            case UNAVAILABLE:
            case COMMIT_CONFLICT:
                return Origin.REMOTE;
            case UNEXPECTED:
                return Origin.INTERNAL;
            default:
                return Origin.USER;
        }
    }

    /** Called by the native library. */
    static PinotageException of(
            String kind, String origin, boolean retryable, String message, String advice, String[] context, String cause) {
        Throwable source = cause == null ? null : new RuntimeException(cause);
        return new PinotageException(
                ErrorKind.of(kind), Origin.valueOf(origin), retryable, message, advice, context, source);
    }

    /** What went wrong. */
    public ErrorKind kind() {
        return kind;
    }

    /** Whose move it is. */
    public Origin origin() {
        return origin;
    }

    /** Whether the same call may succeed later. */
    public boolean retryable() {
        return retryable;
    }

    /** Places and names such as {@code table}, {@code segment}, {@code column}, in the order in which they were added. */
    public Map<String, String> context() {
        return Collections.unmodifiableMap(context);
    }

    /** What a person does next. */
    public String advice() {
        return advice;
    }
}
