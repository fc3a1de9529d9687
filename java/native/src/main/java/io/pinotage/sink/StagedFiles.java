package io.pinotage.sink;

import java.util.Collection;
import java.util.List;

/** Files of writers in staging: all of some lives, but for those that somebody needs. */
public final class StagedFiles {
    /** None. */
    public static final StagedFiles NONE = new StagedFiles(List.of(), List.of());

    private final List<String> lives;
    private final List<String> needed;

    /**
     * @param lives the writers, each by the name of its life
     * @param needed files that rows are in which are still to come
     */
    public StagedFiles(Collection<String> lives, Collection<String> needed) {
        this.lives = List.copyOf(lives);
        this.needed = List.copyOf(needed);
    }

    /** The writers, each by the name of its life. */
    public List<String> lives() {
        return lives;
    }

    /** Files that rows are in which are still to come. */
    public List<String> needed() {
        return needed;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StagedFiles
                && lives.equals(((StagedFiles) other).lives)
                && needed.equals(((StagedFiles) other).needed);
    }

    @Override
    public int hashCode() {
        return 31 * lives.hashCode() + needed.hashCode();
    }

    @Override
    public String toString() {
        return "files of " + lives + " but for " + needed;
    }
}
