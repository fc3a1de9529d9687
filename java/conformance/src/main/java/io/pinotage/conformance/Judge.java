package io.pinotage.conformance;

import java.io.File;
import java.util.List;
import java.util.Map;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.segment.spi.ColumnMetadata;
import org.apache.pinot.segment.spi.ImmutableSegment;
import org.apache.pinot.segment.spi.index.FieldIndexConfigs;
import org.apache.pinot.segment.spi.index.metadata.SegmentMetadataImpl;
import org.apache.pinot.segment.spi.index.reader.JsonIndexReader;
import org.apache.pinot.segment.spi.index.reader.RangeIndexReader;
import org.apache.pinot.spi.data.FieldSpec.DataType;

/** {@code judge}: everything that can be wrong with our segment of a case, in the order in which it is best told. */
final class Judge {
  private Judge() {
  }

  /** Judges the cases; returns the number that failed. */
  static int run(List<File> dirs) {
    int failed = 0;
    for (File dir : dirs) {
      Report report = new Report(dir.getName());
      int[] size = {0, 0};
      try {
        judge(new CaseDir(dir), report, size);
      } catch (Exception | LinkageError | AssertionError e) {
        report.fail(Conformance.describe(e));
      }
      report.print(size[0], size[1]);
      failed += report.ok() ? 0 : 1;
    }
    System.out.println((dirs.size() - failed) + " passed, " + failed + " failed");
    return failed;
  }

  static void judge(CaseDir c, Report report, int[] size) throws Exception {
    ExpectedTable expected = ExpectedTable.read(c.expected(), c.schema);
    size[0] = expected.rows;
    size[1] = expected.columns.size();
    File ours = c.segment("ours");
    if (ours == null) {
      report.fail("no segment in " + c.file("ours"));
      return;
    }
    CrcCheck.run(ours, report);
    try (ServerLoad load = ServerLoad.open(ours, c)) {
      load.checkUntouched(ours, report, c.serverBuilds);
      segment(c, expected, load.segment, ours.getName(), report);
      if (expected.rows > 0) {
        StarTreeCheck.run(c, load.dir, load.segment, report);
      }
    }
    if (c.archive() != null) {
      ArchiveCheck.run(c, ours, expected.rows, report);
    }
    File theirs = c.segment("theirs");
    if (theirs != null && !c.sorted) {
      ByteDiff.run(ours, theirs, report);
    }
  }

  private static void segment(CaseDir c, ExpectedTable expected, ImmutableSegment segment, String folder,
      Report report) throws Exception {
    MetadataCheck metadata = new MetadataCheck(c, expected, report);
    SegmentMetadataImpl meta = (SegmentMetadataImpl) segment.getSegmentMetadata();
    metadata.segment(meta, folder);
    if (expected.rows == 0 || meta.getTotalDocs() != expected.rows) {
      return;
    }
    Map<String, FieldIndexConfigs> configs =
        new IndexLoadingConfig(c.table, c.schema).getFieldIndexConfigByColName();
    for (ExpectedColumn column : expected.columns) {
      ColumnMetadata columnMeta = meta.getColumnMetadataFor(column.name);
      if (columnMeta == null) {
        report.fail(column.name + ": no metadata");
        continue;
      }
      if (column.type == DataType.MAP) {
        guarded(report, "metadata of " + column.name, () -> metadata.map(columnMeta, column));
        guarded(report, "cells of " + column.name, () -> CellCheck.run(segment, column, report));
        continue;
      }
      guarded(report, "metadata of " + column.name, () -> metadata.column(segment, columnMeta, column));
      guarded(report, "cells of " + column.name, () -> CellCheck.run(segment, column, report));
      guarded(report, "indexes of " + column.name, () -> new IndexCheck(segment.getDataSource(column.name),
          configs.get(column.name), column, report).run());
    }
    if (!report.ok()) {
      report.note("no query was asked, the cells are wrong already");
      return;
    }
    queries(c, expected, segment, report);
  }

  static void queries(CaseDir c, ExpectedTable expected, ImmutableSegment segment, Report report) {
    try (QueryEngine engine = new QueryEngine(segment, c.schema)) {
      Asker ask = new Asker(engine, report, c.rawTableName());
      ask.count("", expected.rows);
      for (ExpectedColumn column : expected.columns) {
        if (column.type == DataType.MAP) {
          new MapQueries(ask, column).run();
          continue;
        }
        RangeIndexReader<?> range = segment.getDataSource(column.name).getRangeIndex();
        new FilterQueries(ask, column, range != null && range.isExact()).run();
        boolean dictionary = segment.getDataSource(column.name).getDictionary() != null;
        new AggregateQueries(ask, column, dictionary).run();
        new SelectQueries(ask, column).run();
        JsonIndexReader json = segment.getDataSource(column.name).getJsonIndex();
        if (json != null) {
          new JsonQueries(ask, column).run(json);
        }
        if (tracksNulls(c, column)) {
          boolean indexed = range != null || segment.getDataSource(column.name).getInvertedIndex() != null;
          new NullQueries(ask, column, indexed).run();
        }
      }
    }
  }

  private static boolean tracksNulls(CaseDir c, ExpectedColumn column) {
    return c.schema.isEnableColumnBasedNullHandling() ? column.spec.isNullable()
        : c.table.getIndexingConfig().isNullHandlingEnabled();
  }

  private interface Check {
    void run() throws Exception;
  }

  /** A reader that throws on bad bytes fails its column, the other columns are still judged. */
  private static void guarded(Report report, String what, Check check) {
    try {
      check.run();
    } catch (Exception | AssertionError | InternalError e) {
      report.fail(what + ": " + Conformance.describe(e));
    }
  }
}
