package io.pinotage.conformance;

import java.io.File;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.TimeZone;
import org.apache.pinot.segment.local.indexsegment.immutable.ImmutableSegmentLoader;
import org.apache.pinot.segment.local.segment.index.loader.IndexLoadingConfig;
import org.apache.pinot.segment.spi.ImmutableSegment;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.utils.JsonUtils;

/** The judge's command line. Everything runs in UTC: Pinot reads and prints zone-less timestamps in the JVM's zone. */
public final class Conformance {
  private static final String HELP = String.join("\n",
      "The judge: Apache Pinot's own writer, readers and query engine over the segments of Pinotage.",
      "",
      "  write ROOT [CASE...]    build each case's segment with Pinot, dump it, compare it with expected.jsonl",
      "  judge ROOT [CASE...]    load our segment of each case as a server does and check all of it",
      "  dump SEGMENT --schema F --table F",
      "                          print a segment in the form of expected.jsonl",
      "  golden ROOT             write the golden segments that are not there yet",
      "  cases ROOT              write the inputs of the golden segments in the exchange format",
      "  requests FILE           print the bytes that a broker would send servers for each query of a file",
      "  transforms FILE         run Pinot's transform pipeline over the rows of a file, see Transforms",
      "  rollups FILE            have a consuming segment aggregate the rows of a file, see Rollups",
      "  partitions FILE         print the partitions of values, see Answers",
      "  names FILE              print the names of segments, see Answers",
      "  functions               print the names of all scalar functions",
      "  streamkeys FILE         say in which partitions Kafka's producer puts the keys of a file, see StreamKeys",
      "  upserts FILE            say which rows of a file count in a table with upserts, see Upserts",
      "  selftest                prove that the judge passes what is right and fails what is wrong",
      "  bench ...               is a module of its own, for its libraries: see java/README.md",
      "",
      "Exit code: 0 all passed, 1 something failed, 2 wrong usage.");

  private Conformance() {
  }

  public static void main(String[] args) {
    TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
    int code;
    try {
      code = run(args);
    } catch (IllegalArgumentException | IOException e) {
      System.err.println(e.getMessage());
      code = 2;
    } catch (Exception e) {
      System.err.println(describe(e));
      code = 1;
    }
    System.out.flush();
    System.exit(code);
  }

  private static int run(String[] args) throws Exception {
    if (args.length == 0 || Arrays.asList(args).contains("--help") || args[0].equals("help")) {
      System.out.println(HELP);
      return args.length == 0 ? 2 : 0;
    }
    List<String> rest = Arrays.asList(args).subList(1, args.length);
    switch (args[0]) {
      case "write":
        return Write.run(cases(rest)) == 0 ? 0 : 1;
      case "judge":
        return Judge.run(cases(rest)) == 0 ? 0 : 1;
      case "dump":
        return dump(rest);
      case "golden":
        return Golden.run(new File(argument(rest, 0, "ROOT"))) ? 0 : 1;
      case "cases":
        return Golden.cases(new File(argument(rest, 0, "ROOT"))) ? 0 : 1;
      case "requests":
        return Requests.run(new File(argument(rest, 0, "FILE")));
      case "transforms":
        Transforms.run(new File(argument(rest, 0, "FILE")), System.out);
        return 0;
      case "rollups":
        Rollups.run(new File(argument(rest, 0, "FILE")), System.out);
        return 0;
      case "partitions":
        Answers.partitions(new File(argument(rest, 0, "FILE")), System.out);
        return 0;
      case "names":
        Answers.names(new File(argument(rest, 0, "FILE")), System.out);
        return 0;
      case "functions":
        Answers.functions(System.out);
        return 0;
      case "streamkeys":
        StreamKeys.run(new File(argument(rest, 0, "FILE")), System.out);
        return 0;
      case "upserts":
        Upserts.run(new File(argument(rest, 0, "FILE")), System.out);
        return 0;
      case "selftest":
        return SelfTest.run() ? 0 : 1;
      case "bench":
        throw new IllegalArgumentException("bench is io.pinotage.bench.Bench in the module bench: see java/README.md");
      default:
        throw new IllegalArgumentException("unknown command " + args[0] + ", see --help");
    }
  }

  private static List<File> cases(List<String> rest) throws IOException {
    File root = new File(argument(rest, 0, "ROOT"));
    return CaseDir.find(root, rest.subList(1, rest.size()));
  }

  private static int dump(List<String> rest) throws Exception {
    File dir = new File(argument(rest, 0, "SEGMENT"));
    Schema schema = Schema.fromFile(new File(option(rest, "--schema")));
    TableConfig table = JsonUtils.fileToObject(new File(option(rest, "--table")), TableConfig.class);
    ImmutableSegment segment = ImmutableSegmentLoader.load(dir, new IndexLoadingConfig(table, schema), false);
    Writer out = new OutputStreamWriter(System.out, StandardCharsets.UTF_8);
    SegmentDump.write(segment, schema, out);
    out.flush();
    return 0;
  }

  private static String argument(List<String> args, int at, String name) {
    if (args.size() <= at || args.get(at).startsWith("--")) {
      throw new IllegalArgumentException("missing argument " + name + ", see --help");
    }
    return args.get(at);
  }

  private static String option(List<String> args, String name) {
    int at = args.indexOf(name);
    if (at < 0 || at + 1 >= args.size()) {
      throw new IllegalArgumentException("missing option " + name + ", see --help");
    }
    return args.get(at + 1);
  }

  /** An exception in one line: its causes, and the place in Pinot that threw the innermost. */
  static String describe(Throwable e) {
    StringBuilder out = new StringBuilder(e.toString());
    Throwable last = e;
    for (int depth = 0; last.getCause() != null && depth < 8; depth++) {
      last = last.getCause();
      out.append(" <- ").append(last);
    }
    StackTraceElement[] stack = last.getStackTrace();
    for (int i = 0; i < Math.min(3, stack.length); i++) {
      out.append(" at ").append(stack[i].getClassName().replaceAll(".*\\.", "")).append(':')
          .append(stack[i].getLineNumber());
    }
    return out.toString();
  }
}
