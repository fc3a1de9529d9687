package io.pinotage.flink.scenarios;

import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.functions.MapFunction;

/** Lets rows through, at a rate, and fails at random moments so many times in the process. */
final class Faults implements MapFunction<Long, Long> {
    private static final long serialVersionUID = 1L;
    private static final long PAUSE_NANOS = 10_000_000;
    private static final AtomicInteger LEFT = new AtomicInteger();
    private static final AtomicLong NEXT = new AtomicLong();
    private static volatile Random random = new Random(0);

    /** Rows a second of each task; 0 for as many as come. */
    private final long rate;

    private transient long rows;
    private transient long begin;

    Faults(long rate) {
        this.rate = rate;
    }

    /** Begins anew. */
    static void arm(int failures, long seed) {
        random = new Random(seed);
        LEFT.set(failures);
        NEXT.set(System.nanoTime() + pause());
    }

    /** Failures that did not come to pass. */
    static int left() {
        return Math.max(0, LEFT.get());
    }

    private static long pause() {
        return 400_000_000L + (long) (random.nextDouble() * 1_500_000_000L);
    }

    @Override
    public Long map(Long value) throws InterruptedException {
        long now = System.nanoTime();
        long due = NEXT.get();
        if (LEFT.get() > 0 && now - due > 0 && NEXT.compareAndSet(due, now + pause())) {
            LEFT.decrementAndGet();
            throw new IllegalStateException("a failure of the scenario at row " + value);
        }
        if (rate > 0) {
            begin = rows == 0 ? now : begin;
            rows++;
            long ahead = rows * 1_000_000_000L / rate - (now - begin);
            if (ahead > PAUSE_NANOS) {
                Thread.sleep(ahead / 1_000_000);
            }
        }
        return value;
    }
}
