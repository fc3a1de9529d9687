package io.pinotage.jni;

/** Brings committables into a table. Not for use outside of Pinotage: {@code io.pinotage.sink} is. */
public final class NativeCommitter {
    private NativeCommitter() {}

    /** A committer of a run, with the processes that it had; empty where nobody keeps them. */
    public static native long open(long sink, String run, String lives);

    /** The processes of a run and one more, which goes on behind an epoch. */
    public static native String begin(String lives, String life, long behind);

    /** Looks whether the table fits a recorded epoch. */
    public static native void check(long committer, long epoch);

    /** Begins a publication in a thread of its own, in place of what a JSON text says; a handle comes back. */
    public static native long start(long committer, byte[][] committables, String replacing);

    /** Looks whether what is to go can go. */
    public static native void checkReplacing(long committer, String replacing);

    /** Removes all that staging has of the run. */
    public static native void forget(long committer);

    /** The lives of writers that have something in staging. */
    public static native String[] lives(long committer);

    /** Removes what writers have in staging whose lives are over, but for files that are needed. */
    public static native void forgetLives(long committer, String[] over, String[] needed);

    /** Removes what was kept for committables that are not to come. */
    public static native void abort(long committer, byte[][] committables);

    /** Frees the committer; its publications live on. */
    public static native void close(long committer);

    /** Four numbers: the state's place in {@code Publication.State}, segments in all, pushed, loaded. */
    public static native long[] poll(long publication);

    /** Throws the error of a publication that has failed. */
    public static native void failure(long publication);

    /** What the publication had to say since the last call. */
    public static native String[] warnings(long publication);

    /** Asks it to stop, from any thread. */
    public static native void cancel(long publication);

    /** Frees a publication; one that goes on is cancelled, and has ended when this returns. */
    public static native void closePublication(long publication);
}
