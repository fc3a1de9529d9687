package io.pinotage.segments;

import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import org.apache.pinot.segment.local.segment.readers.PinotSegmentColumnReader;
import org.apache.pinot.segment.spi.IndexSegment;
import org.apache.pinot.segment.spi.datasource.DataSource;
import org.apache.pinot.segment.spi.index.reader.Dictionary;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReader;
import org.apache.pinot.segment.spi.index.reader.ForwardIndexReaderContext;
import org.apache.pinot.segment.spi.index.startree.AggregationFunctionColumnPair;
import org.apache.pinot.segment.spi.index.startree.StarTreeNode;
import org.apache.pinot.segment.spi.index.startree.StarTreeV2;

/**
 * The sums of a segment's star-trees at the root and one level below it, against a walk over the rows; metrics of bytes have
 * to be there, what is in them is a matter of the query engine.
 */
final class StarTreeCheck {
  private StarTreeCheck() {
  }

  static void check(IndexSegment segment, List<String> wrong) throws IOException {
    List<StarTreeV2> trees = segment.getStarTrees();
    for (StarTreeV2 tree : trees == null ? List.<StarTreeV2>of() : trees) {
      String first = tree.getMetadata().getDimensionsSplitOrder().get(0);
      PinotSegmentColumnReader dimension = new PinotSegmentColumnReader(segment, first);
      Dictionary ids = segment.getDataSource(first).getDictionary();
      StarTreeNode root = tree.getStarTree().getRoot();
      for (AggregationFunctionColumnPair pair : tree.getMetadata().getFunctionColumnPairs()) {
        compare(segment, tree, pair, root, doc -> true, pair + " of all rows", wrong);
        for (Iterator<? extends StarTreeNode> children = root.getChildrenIterator(); children.hasNext();) {
          StarTreeNode child = children.next();
          int id = child.getDimensionValue();
          if (id != StarTreeNode.ALL) {
            compare(segment, tree, pair, child, doc -> ids.indexOf(String.valueOf(dimension.getValue(doc))) == id,
                pair + " of " + first + " " + ids.getStringValue(id), wrong);
          }
        }
      }
      dimension.close();
    }
  }

  @SuppressWarnings("unchecked")
  private static void compare(IndexSegment segment, StarTreeV2 tree, AggregationFunctionColumnPair pair, StarTreeNode node,
      java.util.function.IntPredicate rows, String what, List<String> wrong) throws IOException {
    DataSource sums = tree.getDataSource(pair.toColumnName());
    ForwardIndexReader<ForwardIndexReaderContext> forward = (ForwardIndexReader<ForwardIndexReaderContext>) sums.getForwardIndex();
    try (ForwardIndexReaderContext context = forward.createContext()) {
      int doc = node.getAggregatedDocId();
      switch (forward.getStoredType()) {
        case BYTES:
          if (forward.getBytes(doc, context).length == 0) {
            wrong.add(what + " is nothing");
          }
          return;
        case LONG:
        case DOUBLE:
          break;
        default:
          wrong.add(what + " is of type " + forward.getStoredType());
          return;
      }
      boolean whole = forward.getStoredType() == org.apache.pinot.spi.data.FieldSpec.DataType.LONG;
      double found = whole ? forward.getLong(doc, context) : forward.getDouble(doc, context);
      double expected = aggregate(segment, pair, rows);
      if (Math.abs(found - expected) > 1e-9 * Math.abs(expected)) {
        wrong.add(what + ": " + found + ", expected " + expected);
      }
    }
  }

  private static double aggregate(IndexSegment segment, AggregationFunctionColumnPair pair, java.util.function.IntPredicate rows) throws IOException {
    String function = pair.getFunctionType().name();
    boolean all = pair.getColumn().equals("*");
    PinotSegmentColumnReader reader = all ? null : new PinotSegmentColumnReader(segment, pair.getColumn());
    double result = function.equals("MIN") ? Double.POSITIVE_INFINITY : function.equals("MAX") ? Double.NEGATIVE_INFINITY : 0;
    for (int doc = 0; doc < segment.getSegmentMetadata().getTotalDocs(); doc++) {
      if (!rows.test(doc)) {
        continue;
      }
      Object cell = all ? 1 : reader.getValue(doc);
      for (Object value : cell instanceof Object[] ? (Object[]) cell : new Object[]{cell}) {
        double number = ((Number) value).doubleValue();
        result = function.startsWith("COUNT") ? result + 1 : function.startsWith("SUM") ? result + number
            : function.equals("MIN") ? Math.min(result, number) : Math.max(result, number);
      }
    }
    if (reader != null) {
      reader.close();
    }
    return result;
  }
}
