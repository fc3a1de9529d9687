package io.pinotage.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.apache.pinot.common.function.FunctionRegistry;
import org.apache.pinot.segment.spi.creator.name.FixedSegmentNameGenerator;
import org.apache.pinot.segment.spi.creator.name.InputFileSegmentNameGenerator;
import org.apache.pinot.segment.spi.creator.name.NormalizedDateSegmentNameGenerator;
import org.apache.pinot.segment.spi.creator.name.SegmentNameGenerator;
import org.apache.pinot.segment.spi.creator.name.SimpleSegmentNameGenerator;
import org.apache.pinot.segment.spi.creator.name.UploadedRealtimeSegmentNameGenerator;
import org.apache.pinot.segment.spi.partition.PartitionFunction;
import org.apache.pinot.segment.spi.partition.PartitionFunctionFactory;
import org.apache.pinot.spi.data.DateTimeFormatSpec;

/** Small questions: what functions there are, where a value belongs, what a segment is called. */
final class Answers {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Answers() {
  }

  /** The canonical names of all scalar functions, a line each. */
  static void functions(PrintStream out) {
    new TreeSet<>(FunctionRegistry.getFunctions().keySet()).forEach(out::println);
  }

  /** For each line of a file with {@code function}, {@code partitions}, {@code config} and {@code values} a line of partitions. */
  static void partitions(File file, PrintStream out) throws IOException {
    for (JsonNode one : JSON.readTree(file)) {
      ObjectNode answer = JSON.createObjectNode();
      try {
        Map<String, String> config = new HashMap<>();
        one.get("config").properties().forEach(entry -> config.put(entry.getKey(), entry.getValue().asText()));
        PartitionFunction function = PartitionFunctionFactory.getPartitionFunction(one.get("function").asText(),
            one.get("partitions").asInt(), config);
        ArrayNode partitions = answer.putArray("partitions");
        for (JsonNode value : one.get("values")) {
          try {
            partitions.add(function.getPartition(value.asText()));
          } catch (RuntimeException e) {
            partitions.addNull();
          }
        }
      } catch (RuntimeException e) {
        answer.put("error", Conformance.describe(e));
      }
      out.write((answer + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  /** For each generator of a file the name that it gives, or the error. */
  static void names(File file, PrintStream out) throws IOException {
    for (JsonNode one : JSON.readTree(file)) {
      ObjectNode answer = JSON.createObjectNode();
      try {
        JsonNode min = one.get("min");
        answer.put("name", generator(one).generateSegmentName(one.get("sequence").asInt(),
            min.isNull() ? null : min.asText(), min.isNull() ? null : one.get("max").asText()));
      } catch (RuntimeException e) {
        answer.put("error", Conformance.describe(e));
      }
      out.write((answer + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private static SegmentNameGenerator generator(JsonNode one) {
    String prefix = text(one, "prefix");
    String postfix = text(one, "postfix");
    switch (one.get("type").asText()) {
      case "simple":
        return new SimpleSegmentNameGenerator(prefix, postfix, false, one.get("excludeTime").asBoolean());
      case "normalizedDate":
        return new NormalizedDateSegmentNameGenerator("tbl", prefix, one.get("excludeSequence").asBoolean(),
            text(one, "pushType"), text(one, "frequency"), new DateTimeFormatSpec(text(one, "format")), postfix);
      case "fixed":
        return new FixedSegmentNameGenerator(prefix);
      case "inputFile":
        return new InputFileSegmentNameGenerator(text(one, "pattern"), text(one, "template"), text(one, "uri"));
      default:
        return new UploadedRealtimeSegmentNameGenerator("tbl", one.get("partition").asInt(), one.get("time").asLong(),
            prefix, postfix);
    }
  }

  private static String text(JsonNode one, String key) {
    return one.hasNonNull(key) ? one.get(key).asText() : null;
  }
}
