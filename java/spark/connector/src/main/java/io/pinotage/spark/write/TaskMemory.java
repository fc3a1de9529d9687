package io.pinotage.spark.write;

import io.pinotage.ErrorKind;
import io.pinotage.PinotageException;
import io.pinotage.sink.SinkWriter;
import org.apache.spark.TaskContext;
import org.apache.spark.memory.MemoryConsumer;
import org.apache.spark.memory.MemoryMode;
import org.apache.spark.memory.TaskMemoryManager;

/**
 * Memory of a task outside of Java's heap. Where Spark manages such memory ({@code spark.memory.offHeap.enabled}) it is a part of that;
 * elsewhere it is beside what Spark knows of, in {@code spark.executor.memoryOverhead}.
 */
final class TaskMemory implements AutoCloseable {
    /** A segment of few rows needs that much. */
    private static final long LEAST = 48L << 20;

    /** Null where Spark does not manage it. */
    private final Held consumer;

    private final long bytes;

    private TaskMemory(Held consumer, long bytes) {
        this.consumer = consumer;
        this.bytes = bytes;
    }

    /**
     * Memory for the task of this thread, as much as there is up to a limit.
     *
     * @throws PinotageException {@code resource-exhausted} when there is too little for a segment
     */
    static TaskMemory acquire(long limit) {
        TaskContext task = TaskContext.get();
        if (task == null || task.taskMemoryManager().getTungstenMemoryMode() != MemoryMode.OFF_HEAP) {
            return new TaskMemory(null, limit);
        }
        Held consumer = new Held(task.taskMemoryManager());
        long bytes = consumer.acquireMemory(limit);
        if (bytes < Math.min(LEAST, limit)) {
            consumer.freeMemory(bytes);
            throw new PinotageException(
                    ErrorKind.RESOURCE_EXHAUSTED,
                    "Spark has " + bytes + " bytes of off-heap memory for a task, and segments need " + LEAST,
                    "raise `spark.memory.offHeap.size`, or run fewer tasks at a time in an executor");
        }
        return new TaskMemory(consumer, bytes);
    }

    /** What there was. */
    long bytes() {
        return bytes;
    }

    /** From now on others of the task get what a writer can do without, when they ask for it; nothing where it is null. */
    void lend(SinkWriter writer) {
        if (consumer != null) {
            consumer.writer = writer;
        }
    }

    @Override
    public void close() {
        if (consumer != null) {
            consumer.freeMemory(consumer.getUsed());
        }
    }

    /** When somebody else of the task needs memory, segments under way are built, and smaller ones begun. */
    private static final class Held extends MemoryConsumer {
        /** Null while nobody can do without some of it. */
        private volatile SinkWriter writer;

        Held(TaskMemoryManager manager) {
            super(manager, MemoryMode.OFF_HEAP);
        }

        @Override
        public long spill(long size, MemoryConsumer trigger) {
            SinkWriter from = writer;
            long left = Math.max(LEAST, getUsed() - size);
            long given = getUsed() - left;
            if (from == null || trigger == this || given <= 0 || !from.shrink(left)) {
                return 0;
            }
            freeMemory(given);
            return given;
        }
    }
}
