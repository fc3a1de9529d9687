package io.pinotage.flink.scenarios;

/** The job of a scenario as a program that is run in a cluster, with its options as arguments. */
public final class Submit {
    private Submit() {}

    /** Words {@code <option>=<value>}. */
    public static void main(String[] args) throws Exception {
        new Job(Options.of(args)).submit();
    }
}
