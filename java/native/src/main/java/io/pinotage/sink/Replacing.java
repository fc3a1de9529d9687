package io.pinotage.sink;

/** What goes in the step in which the segments of a run come into a table. */
public final class Replacing {
    private static final String REFUSE = "\"straddling\":\"refuse\"";
    private static final String REWRITE = "\"straddling\":\"rewrite\"";

    private final String json;

    private Replacing(String json) {
        this.json = json;
    }

    /** Nothing: they come beside what is there. */
    public static Replacing nothing() {
        return new Replacing("\"nothing\"");
    }

    /** Nothing, and another run of the same job may have nothing there: its rows would be there twice. */
    public static Replacing first() {
        return new Replacing("\"first\"");
    }

    /**
     * What this run has begun of the same epoch in another process and not ended. If it has ended there, nothing comes: an engine
     * that makes an epoch again may make other segments of its rows.
     */
    public static Replacing epoch() {
        return new Replacing("\"epoch\"");
    }

    /** All that queries see. */
    public static Replacing table() {
        return new Replacing("\"table\"");
    }

    /**
     * All rows of a range of times, in milliseconds since 1970. Segments go as a whole: one that has others as well is an error that names
     * it.
     *
     * @param from the first one; null for all times before {@code to}
     * @param to the first one behind the range; null for all times from {@code from} on
     */
    public static Replacing times(Long from, Long to) {
        return new Replacing("{\"times\":{\"from\":" + from + ",\"to\":" + to + "," + REFUSE + "}}");
    }

    /** All rows of the partitions that the new segments have, in the same way. */
    public static Replacing partitions() {
        return new Replacing("{\"partitions\":{" + REFUSE + "}}");
    }

    /** The same, and the other rows of segments that have some inside stay: they are written again and come in the same step. */
    public Replacing rewritingStraddling() {
        return new Replacing(json.replace(REFUSE, REWRITE));
    }

    /** As the library reads it. */
    String json() {
        return json;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Replacing && json.equals(((Replacing) other).json);
    }

    @Override
    public int hashCode() {
        return json.hashCode();
    }

    @Override
    public String toString() {
        return json;
    }
}
