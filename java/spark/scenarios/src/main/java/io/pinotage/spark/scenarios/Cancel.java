package io.pinotage.spark.scenarios;

import io.pinotage.jni.NativeLibrary;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.sql.SparkSession;

/** A script whose job is cancelled while it reads. */
final class Cancel {
    private static final long LIMIT_MILLIS = TimeUnit.SECONDS.toMillis(60);
    private static final long PAUSE_MILLIS = 20;

    private Cancel() {}

    /** Why the script ended; all that it opened in the library is closed then. */
    static String run(SparkSession spark, Options options) throws Exception {
        AtomicReference<Throwable> failed = new AtomicReference<>();
        Thread script = new Thread(() -> {
            try {
                Sql.run(spark, options);
            } catch (Throwable error) {
                failed.set(error);
            }
        });
        script.start();
        await("a task", () -> spark.sparkContext().statusTracker().getActiveStageIds().length > 0);
        Thread.sleep(options.number("afterMillis", 0));
        spark.sparkContext().cancelAllJobs();
        script.join(LIMIT_MILLIS);
        if (failed.get() == null) {
            throw new IllegalStateException("it was not cancelled");
        }
        await("the end of all readers", () -> NativeLibrary.threads() == 0);
        return failed.get().toString();
    }

    private interface Condition {
        boolean holds();
    }

    private static void await(String what, Condition condition) throws InterruptedException {
        for (long waited = 0; !condition.holds(); waited += PAUSE_MILLIS) {
            if (waited > LIMIT_MILLIS) {
                throw new IllegalStateException("waited for " + what + " in vain");
            }
            Thread.sleep(PAUSE_MILLIS);
        }
    }
}
