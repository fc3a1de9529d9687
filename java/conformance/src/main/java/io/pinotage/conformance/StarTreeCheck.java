package io.pinotage.conformance;

import java.io.File;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.FileUtils;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.local.startree.StarTreeBuilderUtils;
import org.apache.pinot.segment.local.startree.v2.builder.MultipleTreesBuilder;
import org.apache.pinot.segment.local.startree.v2.builder.StarTreeV2BuilderConfig;
import org.apache.pinot.segment.spi.AggregationFunctionType;
import org.apache.pinot.segment.spi.ImmutableSegment;
import org.apache.pinot.segment.spi.index.metadata.SegmentMetadataImpl;
import org.apache.pinot.segment.spi.index.reader.Dictionary;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReader;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReaderContext;
import org.apache.pinot.segment.spi.index.startree.AggregationFunctionColumnPair;
import org.apache.pinot.segment.spi.index.startree.AggregationSpec;
import org.apache.pinot.segment.spi.index.startree.StarTreeNode;
import org.apache.pinot.segment.spi.index.startree.StarTreeV2;
import org.apache.pinot.spi.config.table.IndexingConfig;
import org.apache.pinot.spi.utils.ReadMode;

/**
 * The star-trees of a segment beside those that {@link MultipleTreesBuilder} makes of the same segment, byte by byte and,
 * where bytes differ, node by node; then queries, each answered with and without star-trees.
 */
final class StarTreeCheck {
  private static final double CLOSE = 1e-9;

  private final CaseDir c;
  private final Report report;
  private final ImmutableSegment segment;
  private final SegmentMetadataImpl meta;

  private StarTreeCheck(CaseDir c, ImmutableSegment segment, Report report) {
    this.c = c;
    this.report = report;
    this.segment = segment;
    this.meta = (SegmentMetadataImpl) segment.getSegmentMetadata();
  }

  static void run(CaseDir c, File dir, ImmutableSegment segment, Report report) throws Exception {
    IndexingConfig indexing = c.table.getIndexingConfig();
    boolean wanted = indexing.isEnableDefaultStarTree()
        || indexing.getStarTreeIndexConfigs() != null && !indexing.getStarTreeIndexConfigs().isEmpty();
    boolean found = segment.getStarTrees() != null;
    if (!wanted || c.starTreesLeft) {
      report.that(!found, "there are star-trees that were not expected");
      return;
    }
    if (report.that(found, "the configured star-trees are missing")) {
      new StarTreeCheck(c, segment, report).all(indexing, dir);
    }
  }

  private void all(IndexingConfig indexing, File dir) throws Exception {
    List<StarTreeV2BuilderConfig> configs = StarTreeBuilderUtils.generateBuilderConfigs(
        indexing.getStarTreeIndexConfigs(), indexing.isEnableDefaultStarTree(), meta);
    report.that(!StarTreeBuilderUtils.shouldModifyExistingStarTrees(configs, meta.getStarTreeV2MetadataList()),
        "a server with dynamic creation would build the star-trees again");
    report.equal("number of star-trees", configs.size(), segment.getStarTrees().size());
    if (!report.ok()) {
      return;
    }
    File temp = Files.createTempDirectory("star-tree").toFile();
    try {
      File copy = new File(temp, dir.getName());
      FileUtils.copyDirectory(dir, copy);
      StarTreeBuilderUtils.removeStarTrees(copy);
      MultipleTreesBuilder builder =
          new MultipleTreesBuilder(configs, copy, MultipleTreesBuilder.BuildMode.ON_HEAP);
      try {
        builder.build();
      } finally {
        builder.close();
      }
      ImmutableSegment theirs = ImmutableSegmentLoader.load(copy, ReadMode.mmap);
      try {
        for (int i = 0; i < configs.size(); i++) {
          tree(i, segment.getStarTrees().get(i), theirs.getStarTrees().get(i));
        }
      } finally {
        theirs.destroy();
      }
      boolean same = FileUtils.contentEquals(new File(dir, "v3/star_tree_index"), new File(copy, "v3/star_tree_index"))
          && FileUtils.contentEquals(new File(dir, "v3/star_tree_index_map"), new File(copy, "v3/star_tree_index_map"));
      report.checked(1);
      if (!same) {
        report.note("the star-trees are equal node by node, and not byte by byte");
      }
    } finally {
      FileUtils.deleteQuietly(temp);
    }
    if (report.ok()) {
      queries();
    }
  }

  private void tree(int number, StarTreeV2 ours, StarTreeV2 theirs) throws Exception {
    report.equal("docs of star-tree " + number, theirs.getMetadata().getNumDocs(), ours.getMetadata().getNumDocs());
    report.equal("aggregations of star-tree " + number, theirs.getMetadata().getAggregationSpecs(),
        ours.getMetadata().getAggregationSpecs());
    report.equal("dimensions of star-tree " + number, theirs.getStarTree().getDimensionNames(),
        ours.getStarTree().getDimensionNames());
    if (!report.ok()) {
      return;
    }
    try (Docs left = new Docs(ours); Docs right = new Docs(theirs)) {
      node("star-tree " + number + " node", left, ours.getStarTree().getRoot(), right, theirs.getStarTree().getRoot());
    }
  }

  private void node(String path, Docs left, StarTreeNode ours, Docs right, StarTreeNode theirs) {
    report.equal(path + ": dimension", theirs.getDimensionId(), ours.getDimensionId());
    report.equal(path + ": value", theirs.getDimensionValue(), ours.getDimensionValue());
    report.equal(path + ": docs", theirs.getEndDocId() - theirs.getStartDocId(),
        ours.getEndDocId() - ours.getStartDocId());
    report.equal(path + ": children", theirs.getNumChildren(), ours.getNumChildren());
    if (!report.ok()) {
      return;
    }
    doc(path + ", summed up", left, ours.getAggregatedDocId(), right, theirs.getAggregatedDocId());
    if (theirs.isLeaf()) {
      for (int i = 0; i < theirs.getEndDocId() - theirs.getStartDocId(); i++) {
        doc(path + " doc " + i, left, ours.getStartDocId() + i, right, theirs.getStartDocId() + i);
      }
      return;
    }
    Iterator<? extends StarTreeNode> mine = ours.getChildrenIterator();
    Iterator<? extends StarTreeNode> other = theirs.getChildrenIterator();
    while (other.hasNext() && report.ok()) {
      StarTreeNode child = other.next();
      node(path + "/" + child.getDimensionValue(), left, mine.next(), right, child);
    }
  }

  private void doc(String path, Docs left, int ours, Docs right, int theirs) {
    for (int i = 0; i < left.metrics.size(); i++) {
      Object found = left.value(i, ours);
      Object expected = right.value(i, theirs);
      report.that(same(left.metrics.get(i).getFunctionType(), expected, found),
          path + ": " + left.metrics.get(i) + ": expected " + expected + ", found " + found);
    }
  }

  private static boolean same(AggregationFunctionType function, Object expected, Object found) {
    if (expected instanceof Double) {
      return close((Double) expected, (Double) found);
    }
    if (expected instanceof byte[]) {
      byte[] a = (byte[]) expected;
      byte[] b = (byte[]) found;
      boolean avg = function == AggregationFunctionType.AVG || function == AggregationFunctionType.AVGMV;
      return Arrays.equals(a, b) || avg && a.length == 16 && b.length == 16
          && close(ByteBuffer.wrap(a).getDouble(), ByteBuffer.wrap(b).getDouble())
          && ByteBuffer.wrap(a).getLong(8) == ByteBuffer.wrap(b).getLong(8);
    }
    return expected.equals(found);
  }

  private static boolean close(double a, double b) {
    return Double.compare(a, b) == 0 || Math.abs(a - b) <= CLOSE * Math.max(1, Math.max(Math.abs(a), Math.abs(b)));
  }

  /** Each aggregation alone, by one dimension, and for one value of another. */
  private void queries() {
    String table = Sql.name(c.rawTableName());
    try (QueryEngine engine = new QueryEngine(segment, c.schema)) {
      for (StarTreeV2 tree : segment.getStarTrees()) {
        List<String> dimensions = tree.getMetadata().getDimensionsSplitOrder();
        String first = dimensions.get(0);
        String last = dimensions.get(dimensions.size() - 1);
        List<String> functions = new ArrayList<>();
        tree.getMetadata().getAggregationSpecs().forEach((pair, spec) -> functions.add(call(pair, spec)));
        String all = String.join(", ", functions);
        ask(engine, "SELECT " + all + " FROM " + table);
        for (String dimension : List.of(first, last)) {
          String name = Sql.name(dimension);
          ask(engine, "SELECT " + name + ", " + all + " FROM " + table + " GROUP BY " + name + " ORDER BY " + name
              + " LIMIT 1000");
          Dictionary dictionary = segment.getDataSource(dimension).getDictionary();
          for (int id : new int[]{0, dictionary.length() / 2, dictionary.length() - 1}) {
            String value = "'" + dictionary.getStringValue(id).replace("'", "''") + "'";
            ask(engine, "SELECT " + all + " FROM " + table + " WHERE " + name + " = " + value);
          }
        }
      }
    }
  }

  private static String call(AggregationFunctionColumnPair pair, AggregationSpec spec) {
    if (pair.getFunctionType() == AggregationFunctionType.COUNT) {
      return "COUNT(*)";
    }
    Object log2m = spec.getFunctionParameters().get("log2m");
    return pair.getFunctionType().getName() + "(" + Sql.name(pair.getColumn())
        + (log2m == null ? "" : ", " + log2m) + ")";
  }

  private void ask(QueryEngine engine, String sql) {
    try {
      report.that(engine.usesStarTree(sql), sql + ": no star-tree is used");
      List<Object[]> found = engine.run(sql);
      String without = "SET useStarTree=false; " + sql;
      report.that(!engine.usesStarTree(without), without + ": a star-tree is used");
      List<Object[]> expected = engine.run(without);
      boolean same = found.size() == expected.size();
      for (int row = 0; same && row < found.size(); row++) {
        for (int i = 0; i < found.get(row).length; i++) {
          same &= same(null, expected.get(row)[i], found.get(row)[i]);
        }
      }
      report.that(same, sql + ": expected " + Arrays.deepToString(expected.toArray()) + ", found "
          + Arrays.deepToString(found.toArray()));
    } catch (RuntimeException e) {
      report.fail(sql + ": " + e);
    }
  }

  /** Reads the metrics of a star-tree's docs. */
  private static final class Docs implements AutoCloseable {
    final List<AggregationFunctionColumnPair> metrics = new ArrayList<>();
    private final List<ForwardIndexReader<ForwardIndexReaderContext>> readers = new ArrayList<>();
    private final List<ForwardIndexReaderContext> contexts = new ArrayList<>();

    @SuppressWarnings("unchecked")
    Docs(StarTreeV2 tree) {
      for (Map.Entry<AggregationFunctionColumnPair, AggregationSpec> entry
          : tree.getMetadata().getAggregationSpecs().entrySet()) {
        metrics.add(entry.getKey());
        ForwardIndexReader<ForwardIndexReaderContext> reader =
            (ForwardIndexReader<ForwardIndexReaderContext>) tree.getDataSource(entry.getKey().toColumnName())
                .getForwardIndex();
        readers.add(reader);
        contexts.add(reader.createContext());
      }
    }

    Object value(int metric, int doc) {
      ForwardIndexReader<ForwardIndexReaderContext> reader = readers.get(metric);
      switch (reader.getStoredType()) {
        case LONG:
          return reader.getLong(doc, contexts.get(metric));
        case DOUBLE:
          return reader.getDouble(doc, contexts.get(metric));
        default:
          return reader.getBytes(doc, contexts.get(metric));
      }
    }

    @Override
    public void close() throws Exception {
      for (ForwardIndexReaderContext context : contexts) {
        if (context != null) {
          context.close();
        }
      }
    }
  }
}
