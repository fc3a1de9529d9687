package io.pinotage.flink.source;

import io.pinotage.scan.ScanOptions;
import io.pinotage.scan.ScanRequest;
import java.time.ZoneId;
import java.util.Collections;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;

/**
 * Reads the rows that a table of Pinot has when the job starts: all of them, or the job fails. The scan is planned in the
 * JobManager; a job that goes on from a checkpoint goes on with the same plan, and fails with {@code commit-conflict} when segments
 * of it were deleted or replaced meanwhile: start it without the checkpoint then.
 *
 * <p>Rows are given once, also after failures, if the sink behind takes part in checkpoints. They come in any order.
 */
public final class PinotSource
        implements Source<RowData, PinotSplit, PinotSplits>, ResultTypeQueryable<RowData> {
    private static final long serialVersionUID = 1L;

    private final ScanOptions options;
    private final ScanRequest request;
    private final RowType type;
    private final ZoneId zone;

    /**
     * A source of some rows of a table.
     *
     * @param type the columns of the request in its order, as {@link PinotTypes} gives them
     */
    public PinotSource(ScanOptions options, ScanRequest request, RowType type) {
        this(options, request, type, null);
    }

    /**
     * The same, with columns of TIMESTAMP, which have no zone.
     *
     * @param zone where those times are; null without such columns
     */
    public PinotSource(ScanOptions options, ScanRequest request, RowType type, ZoneId zone) {
        this.options = options;
        this.request = request;
        this.type = type;
        this.zone = zone;
    }

    /**
     * A source of all rows and columns of a table, whose columns the controller is asked for now.
     *
     * @param options which table, such as {@code ScanOptions.of("pinot://host:9000/flights")}
     */
    public static PinotSource of(ScanOptions options) {
        return new PinotSource(options, new ScanRequest(), PinotTypes.of(options));
    }

    /** The columns of the rows. */
    public RowType rowType() {
        return type;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<RowData, PinotSplit> createReader(SourceReaderContext context) {
        return new PinotReader(context, type, zone);
    }

    @Override
    public SplitEnumerator<PinotSplit, PinotSplits> createEnumerator(SplitEnumeratorContext<PinotSplit> context) {
        return restoreEnumerator(context, new PinotSplits(false, Collections.emptyList()));
    }

    @Override
    public SplitEnumerator<PinotSplit, PinotSplits> restoreEnumerator(
            SplitEnumeratorContext<PinotSplit> context, PinotSplits state) {
        return new PinotEnumerator(context, options, request, state);
    }

    @Override
    public SimpleVersionedSerializer<PinotSplit> getSplitSerializer() {
        return new PinotSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<PinotSplits> getEnumeratorCheckpointSerializer() {
        return new PinotSplitsSerializer();
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return InternalTypeInfo.of(type);
    }
}
