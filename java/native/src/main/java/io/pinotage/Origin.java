package io.pinotage;

/** Whose move it is after an error. */
public enum Origin {
    /** The user changes the job, the input or the environment. */
    USER,
    /** A remote system or the operating system has to recover. */
    REMOTE,
    /** Pinotage has a defect. */
    INTERNAL
}
