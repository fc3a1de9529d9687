package io.pinotage.flink.source;

import io.pinotage.scan.PinotTable;
import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanPlan;
import io.pinotage.scan.ScanRequest;
import io.pinotage.scan.ScanSplit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.util.FlinkRuntimeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Plans the scan once, and gives a split to whoever asks for one, on a host that has its rows if there is one. */
final class PinotEnumerator implements SplitEnumerator<PinotSplit, PinotSplits> {
    private static final Logger LOG = LoggerFactory.getLogger(PinotEnumerator.class);

    private final SplitEnumeratorContext<PinotSplit> context;
    private final ScanOptions options;
    private final ScanRequest request;
    private final LinkedHashMap<String, PinotSplit> waiting = new LinkedHashMap<>();
    /** Who asked before there was a plan, with their hosts. */
    private final Map<Integer, String> asking = new LinkedHashMap<>();
    private boolean planned;

    PinotEnumerator(
            SplitEnumeratorContext<PinotSplit> context, ScanOptions options, ScanRequest request, PinotSplits state) {
        this.context = context;
        this.options = options;
        this.request = request;
        this.planned = state.isPlanned();
        addSplitsBack(state.waiting(), -1);
    }

    @Override
    public void start() {
        if (!planned) {
            context.callAsync(this::plan, this::planned);
        }
    }

    private List<PinotSplit> plan() {
        try (PinotTable table = PinotTable.open(options)) {
            ScanPlan plan = table.plan(request);
            LOG.info("Reading {}", plan);
            plan.warnings().forEach(LOG::warn);
            List<ScanSplit> splits = new ArrayList<>(plan.splits());
            // The largest first, so that the last ones to end are small.
            splits.sort(Comparator.comparingLong(ScanSplit::expectedBytes).reversed());
            List<PinotSplit> all = new ArrayList<>();
            for (ScanSplit split : splits) {
                all.add(PinotSplit.of(Integer.toString(all.size()), split));
            }
            return all;
        }
    }

    private void planned(List<PinotSplit> splits, Throwable error) {
        if (error != null) {
            throw new FlinkRuntimeException("the table " + options + " cannot be read", error);
        }
        planned = true;
        addSplitsBack(splits, -1);
        Map<Integer, String> before = new LinkedHashMap<>(asking);
        asking.clear();
        before.forEach(this::handleSplitRequest);
    }

    @Override
    public void handleSplitRequest(int subtask, String host) {
        if (!context.registeredReaders().containsKey(subtask)) {
            // It failed meanwhile, and will ask again.
            return;
        }
        if (!planned) {
            asking.put(subtask, host);
            return;
        }
        PinotSplit split = next(host);
        if (split == null) {
            context.signalNoMoreSplits(subtask);
        } else {
            context.assignSplit(split, subtask);
        }
    }

    private PinotSplit next(String host) {
        Iterator<PinotSplit> all = waiting.values().iterator();
        PinotSplit chosen = null;
        while (all.hasNext()) {
            PinotSplit split = all.next();
            if (chosen == null) {
                chosen = split;
            }
            Set<String> hosts = new LinkedHashSet<>(split.split().hosts());
            if (host == null || hosts.isEmpty() || hosts.contains(host)) {
                chosen = split;
                break;
            }
        }
        return chosen == null ? null : waiting.remove(chosen.splitId());
    }

    @Override
    public void addSplitsBack(List<PinotSplit> splits, int subtask) {
        splits.forEach(split -> waiting.put(split.splitId(), split));
    }

    @Override
    public void addReader(int subtask) {
        // It asks when it is ready.
    }

    @Override
    public PinotSplits snapshotState(long checkpoint) {
        return new PinotSplits(planned, waiting.values());
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
