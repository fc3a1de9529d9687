package io.pinotage.flink;

/**
 * What a sink promises about rows when something fails. The names are those of Flink's connectors.
 *
 * <p>Flink's own enumeration is in {@code flink-connector-base}, which no cluster has by itself.
 */
public enum DeliveryGuarantee {
    /**
     * Each row is in the table once: segments come with the checkpoint that has their rows, and a job that goes on behind an
     * older state than the table has is stopped. Where a table cannot promise that, once by primary key.
     */
    EXACTLY_ONCE,
    /**
     * Each row is in the table, and after a failure perhaps twice: what the table has of other states of the job is not looked
     * at, so that a job may go on behind any checkpoint or none.
     */
    AT_LEAST_ONCE,
    /** As {@link #AT_LEAST_ONCE}, and rows of segments that are not full yet are not kept: a failure loses them. */
    NONE
}
