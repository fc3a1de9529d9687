package io.pinotage.sink;

import io.pinotage.jni.NativeCommitter;
import java.util.Arrays;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;

/** Brings committables of a run into the table. One at a time does so for a job. */
public final class SinkCommitter implements AutoCloseable {
    private final long handle;

    SinkCommitter(long sink, String run, Lives lives) {
        this.handle = NativeCommitter.open(sink, run, lives.text());
    }

    /**
     * Looks whether the table fits the recorded epoch, before a job goes on. It asks the controller and waits for the answer.
     *
     * @throws io.pinotage.PinotageException {@code commit-conflict} when the table has a segment of this run that is later than
     *     {@code epoch}, or of the same job with another state
     */
    public void check(long epoch) {
        NativeCommitter.check(handle, epoch);
    }

    /**
     * Begins to bring committables in, all of them in one step, and returns at once. Those that are in the table already, by an
     * earlier call of this or another process, are left as they are; a step that was cut short is gone on with. What was begun
     * and not ended is begun again with exactly the same committables, and epochs come in their order. Where lives are kept, a copy of
     * the state that is at work beside this one makes it fail with {@code commit-conflict}, before anything can be seen twice.
     *
     * @throws io.pinotage.PinotageException {@code unsupported} for bytes of a later version
     */
    public Publication start(Collection<Committable> committables) {
        return start(committables, Replacing.nothing());
    }

    /**
     * As {@link #start(Collection)}, in place of segments that are there.
     *
     * @throws io.pinotage.PinotageException by the publication: {@code commit-conflict} for a segment that has rows inside and
     *     outside of what is replaced; {@code unsupported} for a table whose segments cannot be replaced so
     */
    public Publication start(Collection<Committable> committables, Replacing replacing) {
        return new Publication(NativeCommitter.start(handle, bytes(committables), replacing.json()));
    }

    /**
     * Looks whether segments can go, before rows are written. It asks the controller and waits for the answer.
     *
     * @throws io.pinotage.PinotageException as a publication would
     */
    public void check(Replacing replacing) {
        NativeCommitter.checkReplacing(handle, replacing.json());
    }

    /** Removes all that staging has of the run: nobody of it is at work any more, or needs what it has staged. */
    public void forget() {
        NativeCommitter.forget(handle);
    }

    /** The lives of writers that have something in staging, of those at work too. */
    public Set<String> lives() {
        return new TreeSet<>(Arrays.asList(NativeCommitter.lives(handle)));
    }

    /** Removes all that writers have in staging whose lives are over and named, but for the files that are named. */
    public void forget(StagedFiles over) {
        NativeCommitter.forgetLives(
                handle, over.lives().toArray(new String[0]), over.needed().toArray(new String[0]));
    }

    /** Removes what staging keeps of committables that are not to come. What is in the table stays. */
    public void abort(Collection<Committable> committables) {
        NativeCommitter.abort(handle, bytes(committables));
    }

    private static byte[][] bytes(Collection<Committable> committables) {
        return committables.stream().map(Committable::toBytes).toArray(byte[][]::new);
    }

    /** Frees it; publications live on. Calling it again does nothing. */
    @Override
    public void close() {
        NativeCommitter.close(handle);
    }
}
