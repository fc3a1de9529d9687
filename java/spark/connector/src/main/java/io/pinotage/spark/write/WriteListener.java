package io.pinotage.spark.write;

import java.util.concurrent.atomic.AtomicReference;

/** Hears of the batches that this driver brings into tables. */
public interface WriteListener {
    /** All rows are staged, and their segments begin to come into the table. */
    void publishing(int segments);

    /** They are in the table, with so many rows; others were not taken. */
    void published(int segments, long rows, long quarantined);

    /** Who hears of it from now on. */
    static void listen(WriteListener listener) {
        Holder.LISTENER.set(listener);
    }

    /** Who hears of it. */
    static WriteListener current() {
        return Holder.LISTENER.get();
    }

    /** The one of this driver. */
    final class Holder {
        private static final AtomicReference<WriteListener> LISTENER = new AtomicReference<>(new WriteListener() {
            @Override
            public void publishing(int segments) {}

            @Override
            public void published(int segments, long rows, long quarantined) {}
        });

        private Holder() {}
    }
}
