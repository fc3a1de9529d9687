package io.pinotage;

/** What went wrong. The names never change; {@code docs/reference/errors.md} says what each means. */
public enum ErrorKind {
    /** An option, schema or table config says something impossible or unknown. */
    INVALID_CONFIG("invalid-config"),
    /** Rows break a rule. */
    INVALID_DATA("invalid-data"),
    /** The columns that were found are not the columns that were expected. */
    SCHEMA_MISMATCH("schema-mismatch"),
    /** Bytes are not what their format demands. */
    CORRUPT_SEGMENT("corrupt-segment"),
    /** The request is clear and cannot be done; the advice says what to do instead. */
    UNSUPPORTED("unsupported"),
    /** A file, segment, table or column does not exist. */
    NOT_FOUND("not-found"),
    /** Something with that name exists and may not be replaced. */
    ALREADY_EXISTS("already-exists"),
    /** Somebody else committed in between, or a state was set back or copied. */
    COMMIT_CONFLICT("commit-conflict"),
    /** The operating system or a server refuses this user. */
    PERMISSION_DENIED("permission-denied"),
    /** A system that is needed does not answer now. */
    UNAVAILABLE("unavailable"),
    /** A limit of memory, disk or configuration would be passed. */
    RESOURCE_EXHAUSTED("resource-exhausted"),
    /** The user or the engine asked to stop. */
    CANCELLED("cancelled"),
    /** A defect of Pinotage. */
    UNEXPECTED("unexpected");

    private final String text;

    ErrorKind(String text) {
        this.text = text;
    }

    /** The stable name, such as {@code commit-conflict}. */
    public String text() {
        return text;
    }

    /** The kind of a stable name; {@link #UNEXPECTED} for one that this version does not know. */
    public static ErrorKind of(String text) {
        for (ErrorKind kind : values()) {
            if (kind.text.equals(text)) {
                return kind;
            }
        }
        return UNEXPECTED;
    }
}
