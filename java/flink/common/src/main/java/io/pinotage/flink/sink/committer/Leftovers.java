package io.pinotage.flink.sink.committer;

import io.pinotage.sink.StagedFiles;
import java.util.HashSet;
import java.util.Set;

/**
 * What staging has that no state which can go on needs: files of writers that died, but for those that their successors' states name.
 *
 * <p>Each writer says once, with its first checkpoint, which life it is and which files of earlier lives its state needs; what the
 * states of later checkpoints need of those is a part of it. So what others than these writers have made, and none of them needs, is
 * needed by earlier checkpoints alone. Those cannot go on any more when segments of a later one are in the table, which is why who brings
 * segments in removes it, behind them, and not before the retention is over. Lives are never used again, so that doing it once more
 * from an old state removes nothing else. Lives that begin behind this one's start are not looked at: they are of another copy of the
 * state, which is told so when it publishes.
 */
final class Leftovers {
    private final long retentionMillis;
    private final long sinceNanos = System.nanoTime();
    private final Set<String> before;
    private final Set<Integer> heard = new HashSet<>();
    private final Set<String> lives = new HashSet<>();
    private final Set<String> needed = new HashSet<>();
    private int writers = Integer.MAX_VALUE;
    private boolean isOver;

    /**
     * @param before the lives that have something in staging now, at the start
     */
    Leftovers(long retentionMillis, Set<String> before) {
        this.retentionMillis = retentionMillis;
        this.before = before;
    }

    /** There are so many writers. */
    void writers(int number) {
        writers = number;
    }

    /** What a writer says of itself, if it does. */
    void add(int writer, StagedFiles staged) {
        if (!staged.lives().isEmpty()) {
            heard.add(writer);
            lives.addAll(staged.lives());
            needed.addAll(staged.needed());
        }
    }

    /** All writers are known, and what was there before them is old enough. */
    boolean isDue() {
        return !isOver && heard.size() == writers && System.nanoTime() - sinceNanos >= retentionMillis * 1_000_000;
    }

    /** What goes while the writers are at work; that is once. */
    StagedFiles ofOthers() {
        isOver = true;
        Set<String> others = new HashSet<>(before);
        others.removeAll(lives);
        return new StagedFiles(others, needed);
    }

    /** What goes at the end, when all rows are in segments. */
    StagedFiles all() {
        Set<String> all = new HashSet<>(before);
        all.addAll(lives);
        return new StagedFiles(all, Set.of());
    }
}
