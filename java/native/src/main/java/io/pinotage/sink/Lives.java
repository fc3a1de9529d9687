package io.pinotage.sink;

import io.pinotage.jni.NativeCommitter;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * The processes of a run, one behind the other, and the epochs that each may have written. It is part of the job's state: two jobs that
 * go on from one state have each a process of its own from there on, and the segments of both say whose they are.
 */
public final class Lives {
    /** Nobody keeps them. */
    public static final Lives NONE = new Lives("");

    private final String text;

    private Lives(String text) {
        this.text = text;
    }

    /** Takes up what a state has kept. */
    public static Lives fromBytes(byte[] bytes) {
        return new Lives(new String(bytes, StandardCharsets.UTF_8));
    }

    /** What a state keeps; empty of {@link #NONE}. */
    public byte[] toBytes() {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * These and one more, which goes on behind an epoch.
     *
     * @param life drawn for the process
     * @param behind the last epoch of the state; 0 before the first
     */
    public Lives begin(String life, long behind) {
        return new Lives(NativeCommitter.begin(text, Objects.requireNonNull(life, "life"), behind));
    }

    String text() {
        return text;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Lives && text.equals(((Lives) other).text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }
}
