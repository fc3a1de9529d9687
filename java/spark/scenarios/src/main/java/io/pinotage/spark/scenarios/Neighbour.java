package io.pinotage.spark.scenarios;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.TaskContext;
import org.apache.spark.memory.MemoryConsumer;
import org.apache.spark.memory.MemoryMode;
import org.apache.spark.memory.TaskMemoryManager;
import org.apache.spark.util.TaskCompletionListener;

/** Somebody else in a task who needs memory outside of the heap, until the task ends. */
final class Neighbour extends MemoryConsumer {
    private static final AtomicLong TAKEN = new AtomicLong();

    private Neighbour(TaskMemoryManager manager) {
        super(manager, MemoryMode.OFF_HEAP);
    }

    /** Takes as much of so many bytes as there is. */
    static void take(long bytes) {
        TaskContext task = TaskContext.get();
        Neighbour neighbour = new Neighbour(task.taskMemoryManager());
        long taken = neighbour.acquireMemory(bytes);
        TAKEN.set(taken);
        task.addTaskCompletionListener((TaskCompletionListener) ended -> neighbour.freeMemory(taken));
    }

    /** What it got the last time. */
    static long taken() {
        return TAKEN.get();
    }

    @Override
    public long spill(long size, MemoryConsumer trigger) {
        return 0;
    }
}
