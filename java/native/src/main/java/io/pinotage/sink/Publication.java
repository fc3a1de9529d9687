package io.pinotage.sink;

import io.pinotage.jni.NativeCommitter;
import java.util.Arrays;
import java.util.List;

/** Committables on their way into a table, in a thread of the library. */
public final class Publication implements AutoCloseable {
    /** How far it is. */
    public enum State {
        /** The table is asked what it has. */
        OPENED,
        /** Segments are being uploaded. */
        PUSHING,
        /** Servers load them. */
        WAITING,
        /** Queries see them. */
        ENDED,
        /** It has failed; {@link Publication#check} says why. */
        FAILED;

        /** Nothing changes any more. */
        public boolean isOver() {
            return this == ENDED || this == FAILED;
        }
    }

    /** A look at a publication. */
    public static final class Progress {
        private final State state;
        private final int segments;
        private final int pushed;
        private final int loaded;

        private Progress(long[] numbers) {
            this.state = State.values()[(int) numbers[0]];
            this.segments = (int) numbers[1];
            this.pushed = (int) numbers[2];
            this.loaded = (int) numbers[3];
        }

        /** How far it is. */
        public State state() {
            return state;
        }

        /** Segments in all. */
        public int segments() {
            return segments;
        }

        /** Segments that the controller has. */
        public int pushed() {
            return pushed;
        }

        /** Segments that their servers have loaded. */
        public int loaded() {
            return loaded;
        }

        @Override
        public String toString() {
            return state + " (" + pushed + " pushed, " + loaded + " loaded of " + segments + ")";
        }
    }

    private static final long PAUSE_MILLIS = 20;

    private final long handle;

    Publication(long handle) {
        this.handle = handle;
    }

    /** How far it is now; never waits. */
    public Progress poll() {
        return new Progress(NativeCommitter.poll(handle));
    }

    /** Waits until it is over, but no longer than so many milliseconds. */
    public Progress await(long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000L;
        Progress progress = poll();
        while (!progress.state().isOver() && System.nanoTime() < end) {
            Thread.sleep(Math.min(PAUSE_MILLIS, Math.max(1, millis)));
            progress = poll();
        }
        return progress;
    }

    /**
     * Throws the error of a publication that has failed; otherwise nothing.
     *
     * @throws io.pinotage.PinotageException when {@code retryable()}, the same committables may be started again
     */
    public void check() {
        NativeCommitter.failure(handle);
    }

    /** What a person should know, since the last call. */
    public List<String> warnings() {
        return Arrays.asList(NativeCommitter.warnings(handle));
    }

    /** Asks it to stop; what it has begun is gone on with by the next one. */
    public void cancel() {
        NativeCommitter.cancel(handle);
    }

    /** Frees it; one that goes on is cancelled first. Calling it again does nothing. */
    @Override
    public void close() {
        NativeCommitter.closePublication(handle);
    }
}
