package io.pinotage.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The made cases: one for each way in which Pinot stores a column. They are the golden segments and the material of the
 * self-test. A golden case must never change; add new ones.
 */
final class MadeCases {
  /** Sorts differently by UTF-16 and by UTF-8, has quotes, commas, spaces at the ends, nothing, and much. */
  private static final String[] WORDS = {"apple", "pear", "null", "", "a,b ", " lead", "O'Brien", "\"q\"", "é", "\uFFFD",
      "\uD83D\uDE00", "\uFB01x", "日本語", "back\\slash", "${x}", "tab\there", "line\nbreak", "z".repeat(70)};

  private MadeCases() {
  }

  static List<MadeCase> all() {
    List<MadeCase> cases = new ArrayList<>();
    cases.add(everyType("dict-all-types", 50));
    cases.add(everyType("raw-all-types", 40).allRaw("LZ4", 4));
    for (String codec : new String[]{"PASS_THROUGH", "SNAPPY", "ZSTANDARD", "LZ4", "GZIP"}) {
      cases.add(widths("raw-" + codec.toLowerCase(Locale.ROOT).replace('_', '-')).allRaw(codec, 4));
    }
    cases.add(widths("raw-v2-gzip").allRaw("GZIP", 2));
    cases.add(widths("raw-v3-lz4").allRaw("LZ4", 3));
    cases.add(widths("raw-v5-zstandard").allRaw("ZSTANDARD", 5));
    cases.add(numbers("raw-delta").allRaw("DELTA", 4).unreadable());
    cases.add(numbers("raw-deltadelta").allRaw("DELTADELTA", 4).unreadable());
    cases.add(varLength());
    cases.add(sorted());
    cases.add(nulls("nulls-by-column", true));
    cases.add(nulls("nulls-by-table", false));
    cases.add(multiValues());
    cases.add(indexes());
    cases.add(ranges("ranges", 2));
    cases.add(ranges("ranges-version-1", 1));
    cases.add(blooms());
    cases.add(jsonIndexes());
    cases.add(times());
    cases.add(constants());
    cases.add(partitions());
    cases.add(starTree());
    cases.add(timestampIndexes());
    cases.add(maps());
    cases.add(everyType("empty", 0));
    return cases;
  }

  static int mixed(int i) {
    int h = i * 0x9E3779B9;
    h ^= h >>> 15;
    h *= 0x85EBCA6B;
    return h ^ (h >>> 13);
  }

  private static String word(int i) {
    return WORDS[Math.floorMod(mixed(i), WORDS.length)];
  }

  private static String hex(int i) {
    return "00ff10a0b1c2d3e4f5".substring(0, 2 * Math.floorMod(i, 9));
  }

  private static Object real(int i, double scale) {
    switch (Math.floorMod(i, 11)) {
      case 3:
        return "Infinity";
      case 5:
        return "-Infinity";
      case 7:
        return "NaN";
      case 9:
        return -0.0;
      default:
        return mixed(i) / scale;
    }
  }

  private static String decimal(int i) {
    String[] some = {"0", "1", "-1", "1.10", "127", "128", "-129", "1E+3", "0.001", "12345678901234567890.5", "-0.50"};
    return some[Math.floorMod(mixed(i), some.length)];
  }

  private static Object list(int i, java.util.function.IntFunction<Object> rule) {
    int n = Math.floorMod(mixed(i + 7), 5);
    List<Object> values = new ArrayList<>();
    for (int k = 0; k < n; k++) {
      values.add(rule.apply(i * 3 + k));
    }
    return values;
  }

  private static MadeCase everyType(String name, int rows) {
    return new MadeCase(name, rows)
        .dimension("i", "INT", i -> i == 1 ? Integer.MIN_VALUE : i == 2 ? Integer.MAX_VALUE : mixed(i) % 50)
        .dimension("l", "LONG", i -> i == 1 ? Long.MIN_VALUE : i == 2 ? Long.MAX_VALUE : mixed(i) * 1_000_003L)
        .dimension("f", "FLOAT", i -> real(i, 64))
        .dimension("d", "DOUBLE", i -> real(i, 1000))
        .dimension("b", "BOOLEAN", i -> mixed(i) % 3 == 0)
        .dimension("t", "TIMESTAMP", i -> 1_700_000_000_000L + i * 86_399_999L)
        .dimension("s", "STRING", MadeCases::word)
        .dimension("j", "JSON", i -> "{\"k\": " + i % 7 + ", \"w\":[1.50, \"é\"]}")
        .dimension("y", "BYTES", MadeCases::hex)
        .dimension("bd", "BIG_DECIMAL", MadeCases::decimal)
        .dimension("iMv", "INT[]", i -> list(i, k -> mixed(k) % 9))
        .dimension("lMv", "LONG[]", i -> list(i, k -> mixed(k) * 5_000_000_007L))
        .dimension("fMv", "FLOAT[]", i -> list(i, k -> mixed(k) / 8.0))
        .dimension("dMv", "DOUBLE[]", i -> list(i, k -> mixed(k) / 10.0))
        .dimension("bMv", "BOOLEAN[]", i -> list(i, k -> mixed(k) % 2 == 0))
        .dimension("tMv", "TIMESTAMP[]", i -> list(i, k -> 1_600_000_000_000L + k))
        .dimension("sMv", "STRING[]", i -> list(i, MadeCases::word))
        .dimension("yMv", "BYTES[]", i -> list(i, MadeCases::hex))
        .metric("mI", "INT", i -> mixed(i) % 1000)
        .metric("mL", "LONG", i -> (long) mixed(i))
        .metric("mF", "FLOAT", i -> real(i + 1, 32))
        .metric("mD", "DOUBLE", i -> real(i + 2, 128))
        .metric("mBd", "BIG_DECIMAL", i -> decimal(i + 3));
  }

  private static MadeCase numbers(String name) {
    return new MadeCase(name, 40)
        .dimension("even", "INT", i -> 1000 + i * 3)
        .dimension("wild", "INT", MadeCases::mixed)
        .dimension("steps", "LONG", i -> 1_700_000_000_000L + i * 1000L)
        .dimension("wide", "LONG", i -> mixed(i) * 4_000_000_007L)
        .metric("m", "LONG", i -> (long) i * i);
  }

  private static MadeCase varLength() {
    return new MadeCase("var-length-dictionary", 40)
        .dimension("s", "STRING", MadeCases::word)
        .dimension("sMv", "STRING[]", i -> list(i, MadeCases::word))
        .dimension("y", "BYTES", MadeCases::hex)
        .dimension("bd", "BIG_DECIMAL", MadeCases::decimal)
        .dimension("same", "BYTES", i -> i % 2 == 0 ? "00ff" : "ff00")
        .indexing("{'varLengthDictionaryColumns':['s','sMv']}");
  }

  /** One column of each layout that a raw forward index can have. */
  private static MadeCase widths(String name) {
    return new MadeCase(name, 40)
        .dimension("i", "INT", MadeCases::mixed)
        .dimension("d", "DOUBLE", i -> mixed(i) / 1000.0)
        .dimension("s", "STRING", MadeCases::word)
        .dimension("bd", "BIG_DECIMAL", MadeCases::decimal)
        .dimension("lMv", "LONG[]", i -> list(i, k -> (long) mixed(k)))
        .dimension("sMv", "STRING[]", i -> list(i, MadeCases::word));
  }

  private static MadeCase sorted() {
    return new MadeCase("sorted", 60)
        .dimension("city", "STRING", i -> new String[]{"Bern", "Oslo", "Rome", "\uD83D\uDE00", "\uFFFD"}[i / 12])
        .dimension("n", "INT", i -> mixed(i) % 20)
        .dimension("rising", "LONG", i -> i / 4L)
        .indexing("{'sortedColumn':['city'],'noDictionaryColumns':['rising']}");
  }

  private static MadeCase nulls(String name, boolean byColumn) {
    MadeCase c = new MadeCase(name, 60)
        .dimension("i", "INT", i -> i % 3 == 0 ? null : (Object) (i % 10))
        .dimension("s", "STRING", i -> i % 4 == 0 ? null : word(i))
        .dimension("rawL", "LONG", i -> i % 5 == 0 ? null : (Object) (long) i)
        .dimension("d", "DOUBLE", i -> i % 6 == 0 ? null : real(i, 10))
        .dimension("b", "BOOLEAN", i -> i % 7 == 0 ? null : (Object) (i % 2 == 0))
        .dimension("y", "BYTES", i -> i % 5 == 1 ? null : hex(i))
        .dimension("bd", "BIG_DECIMAL", i -> i % 5 == 2 ? null : decimal(i))
        .dimension("iMv", "INT[]", i -> i % 5 == 3 ? null : list(i, k -> k % 6))
        .dimension("allNull", "INT", i -> null)
        .dimension("noNull", "INT", i -> i)
        .dimension("untracked", "INT", i -> i % 2 == 0 ? null : (Object) i)
        .metric("m", "DOUBLE", i -> i % 8 == 0 ? null : (Object) (i / 4.0))
        .indexing("{'noDictionaryColumns':['rawL']}");
    return byColumn ? c.schema("{'enableColumnBasedNullHandling':true}").notNull("untracked")
        : c.indexing("{'nullHandlingEnabled':true}");
  }

  private static MadeCase multiValues() {
    return new MadeCase("multi-values", 60)
        .dimension("many", "INT[]", i -> {
          List<Object> values = new ArrayList<>();
          for (int k = 0; k <= Math.floorMod(mixed(i), 40); k++) {
            values.add(Math.floorMod(mixed(i * 41 + k), 70));
          }
          return values;
        })
        .dimension("one", "STRING[]", i -> List.of(word(i)))
        .dimension("rawS", "STRING[]", i -> list(i, MadeCases::word))
        .dimension("rawD", "DOUBLE[]", i -> list(i, k -> k / 4.0))
        .indexing("{'noDictionaryColumns':['rawS','rawD'],'invertedIndexColumns':['many','one'],"
            + "'createInvertedIndexDuringSegmentGeneration':true}");
  }

  private static MadeCase indexes() {
    return new MadeCase("indexes", 60)
        .dimension("s", "STRING", MadeCases::word)
        .dimension("i", "INT", i -> Math.floorMod(mixed(i), 30))
        .dimension("l", "LONG", i -> (long) mixed(i))
        .dimension("d", "DOUBLE", i -> mixed(i) / 100.0)
        .dimension("j", "JSON", i -> "{\"a\":" + i % 5 + ",\"b\":[\"x" + i % 3 + "\"]}")
        .dimension("y", "BYTES", MadeCases::hex)
        .indexing("{'invertedIndexColumns':['s','i'],'createInvertedIndexDuringSegmentGeneration':true,"
            + "'rangeIndexColumns':['i','l','d'],'rangeIndexVersion':2,'bloomFilterColumns':['s','i','y'],"
            + "'jsonIndexColumns':['j'],'noDictionaryColumns':['d','l']}");
  }

  /** Range indexes of every type; of columns with several values a row they are always of version 1. */
  private static MadeCase ranges(String name, int version) {
    return new MadeCase(name, 200)
        .dimension("i", "INT", MadeCases::mixed)
        .dimension("few", "INT", i -> Math.floorMod(mixed(i), 7))
        .dimension("wide", "LONG", i -> i == 1 ? Long.MIN_VALUE : i == 2 ? Long.MAX_VALUE : mixed(i) * 1_000_003L)
        .dimension("near", "LONG", i -> 5_000_000_000L + Math.floorMod(mixed(i), 100))
        .dimension("f", "FLOAT", i -> real(i, 64))
        .dimension("d", "DOUBLE", i -> real(i, 1000))
        .dimension("dictD", "DOUBLE", i -> real(i, 1000))
        .dimension("t", "TIMESTAMP", i -> 1_700_000_000_000L + Math.floorMod(mixed(i), 86_400_000))
        .dimension("s", "STRING", MadeCases::word)
        .dimension("bd", "BIG_DECIMAL", MadeCases::decimal)
        .dimension("iMv", "INT[]", i -> list(i, k -> mixed(k) % 90))
        .dimension("sMv", "STRING[]", i -> list(i, MadeCases::word))
        .dimension("rawIMv", "INT[]", i -> list(i, k -> mixed(k)))
        .dimension("rawDMv", "DOUBLE[]", i -> list(i, k -> mixed(k) / 10.0))
        .indexing("{'rangeIndexColumns':['i','few','wide','near','f','d','dictD','t','s','bd','iMv','sMv','rawIMv',"
            + "'rawDMv'],'rangeIndexVersion':" + version + ",'noDictionaryColumns':['i','wide','near','f','d','t',"
            + "'rawIMv','rawDMv']}");
  }

  /** Bloom filters of dictionary and raw columns, with each option. */
  private static MadeCase blooms() {
    return new MadeCase("blooms", 200)
        .dimension("i", "INT", i -> mixed(i) % 50)
        .dimension("l", "LONG", i -> (long) mixed(i))
        .dimension("s", "STRING", MadeCases::word)
        .dimension("rawS", "STRING", i -> "word " + mixed(i) % 90)
        .dimension("sharp", "STRING", i -> "word " + mixed(i))
        .dimension("small", "STRING", i -> "word " + mixed(i))
        .dimension("heap", "STRING", i -> "é" + mixed(i) % 30)
        .dimension("rawY", "BYTES", MadeCases::hex)
        .dimension("sMv", "STRING[]", i -> list(i, MadeCases::word))
        .dimension("rawLMv", "LONG[]", i -> list(i, k -> (long) mixed(k)))
        .indexing("{'bloomFilterColumns':['i','l','s','rawS','rawY','sMv','rawLMv'],'noDictionaryColumns':['l','rawS',"
            + "'sharp','rawY','rawLMv'],'bloomFilterConfigs':{'sharp':{'fpp':0.001},"
            + "'small':{'maxSizeInBytes':64},'heap':{'fpp':0.3,'loadOnHeap':true}}}");
  }

  private static Object document(int i) {
    return "{\"a\":" + i % 5 + ",\"b\":[\"x" + i % 3 + "\",\"y\"],\"é\":{\"deep\":{\"er\":" + i % 4 + ",\"list\":[1,{\"z\":2.50},[" + i % 2
        + "]]},\"long\":\"" + "w".repeat(50 + i % 9) + "\"},\"m\":[true,null,1e3,-0.0],\"big\":12345678901234567890123,"
        + "\"none\":[],\"nothing\":{}}";
  }

  /** JSON indexes with each option; none of them hides a field or a list of the document itself. */
  private static MadeCase jsonIndexes() {
    return new MadeCase("json-indexes", 60)
        .dimension("all", "JSON", MadeCases::document)
        .dimension("raw", "JSON", MadeCases::document)
        .dimension("separate", "JSON", MadeCases::document)
        .dimension("levels", "JSON", MadeCases::document)
        .dimension("excluded", "JSON", MadeCases::document)
        .dimension("included", "JSON", MadeCases::document)
        .dimension("patterns", "JSON", MadeCases::document)
        .dimension("shortened", "JSON", MadeCases::document)
        .dimension("text", "STRING", i -> i % 3 == 0 ? "{no JSON" : i % 3 == 1 ? "null" : document(i))
        .dimension("values", "JSON", i -> i % 4 == 0 ? "[1,[2,3],{\"a\":[4,5]}]" : i % 4 == 1 ? "17" : "\"word\"")
        .indexing("{'noDictionaryColumns':['raw'],'jsonIndexColumns':['all','raw','values'],'jsonIndexConfigs':{"
            + "'all':{},'raw':{},'values':{},'separate':{'disableCrossArrayUnnest':true},'levels':{'maxLevels':2},"
            + "'excluded':{'excludePaths':['$.é.deep.list','$.nothing'],'excludeFields':['long','z']},"
            + "'included':{'includePaths':['$.a','$.b','$.m[*]','$.big','$.é.deep']},"
            + "'patterns':{'indexPaths':['*','*.*','é.deep.**']},'shortened':{'maxValueLength':53},"
            + "'text':{'skipInvalidJson':true}}}");
  }

  private static MadeCase times() {
    return new MadeCase("times", 30)
        .time("day", "STRING", "SIMPLE_DATE_FORMAT|yyyy-MM-dd", i -> String.format("2023-11-%02d", 1 + i % 28))
        .time("days", "INT", "EPOCH|DAYS", i -> 19_000 + i)
        .time("ts", "TIMESTAMP", "TIMESTAMP", i -> 1_700_000_000_000L + i)
        .time("ms", "LONG", "EPOCH|MILLISECONDS", i -> 1_700_000_000_000L - i);
  }

  private static MadeCase constants() {
    return new MadeCase("constants", 8)
        .dimension("i", "INT", i -> 7)
        .dimension("s", "STRING", i -> "")
        .dimension("long", "STRING", i -> "w".repeat(500) + (i % 2 == 0 ? "\uD83D\uDE00" : "tail of more than 512 units"))
        .dimension("mv", "INT[]", i -> List.of(1, 1))
        .dimension("rawI", "INT", i -> -7)
        .indexing("{'noDictionaryColumns':['rawI']}");
  }

  private static MadeCase partitions() {
    return new MadeCase("partitions", 40)
        .dimension("murmur", "STRING", i -> word(i))
        .dimension("modulo", "LONG", i -> (long) (i % 2 == 0 ? i : -i))
        .dimension("hash", "INT", i -> 3 * i)
        .dimension("bytes", "BYTES", MadeCases::hex)
        .indexing("{'segmentPartitionConfig':{'columnPartitionMap':{"
            + "'murmur':{'functionName':'Murmur','numPartitions':7},"
            + "'modulo':{'functionName':'Modulo','numPartitions':5},"
            + "'hash':{'functionName':'HashCode','numPartitions':3},"
            + "'bytes':{'functionName':'Murmur3','numPartitions':4}}}}");
  }

  private static MadeCase starTree() {
    return new MadeCase("star-tree", 100)
        .dimension("city", "STRING", i -> "c" + i % 4)
        .dimension("kind", "INT", i -> i % 5)
        .metric("m", "LONG", i -> (long) i)
        .metric("x", "DOUBLE", i -> i / 2.0)
        .indexing("{'starTreeIndexConfigs':[{'dimensionsSplitOrder':['city','kind'],"
            + "'functionColumnPairs':['COUNT__*','SUM__m','MIN__x','MAX__x'],'maxLeafRecords':10}]}");
  }

  /** Every granularity, of each stored form that a time may have; a star-tree whose dimensions may be hidden columns. */
  private static MadeCase timestampIndexes() {
    return new MadeCase("timestamp-indexes", 120)
        .time("at", "TIMESTAMP", "TIMESTAMP", i -> 1_600_000_000_000L + mixed(i) * 97L)
        .dimension("maybe", "TIMESTAMP", i -> i % 5 == 0 ? null : (Object) (-3_000_000_000_000L + mixed(i) * 1009L))
        .dimension("millis", "LONG", i -> i == 1 ? Long.MIN_VALUE + 400L * 86_400_000 : i * 86_399_999L)
        .dimension("city", "STRING", i -> "c" + i % 4)
        .metric("m", "LONG", i -> (long) i)
        .schema("{'enableColumnBasedNullHandling':true}")
        .indexing("{'noDictionaryColumns':['millis'],'optimizeDictionary':true,'enableDefaultStarTree':true}")
        .field("at", "{'timestampConfig':{'granularities':['YEAR','QUARTER','MONTH','WEEK','DAY','HOUR','MINUTE',"
            + "'SECOND','MILLISECOND']}}")
        .field("maybe", "{'timestampConfig':{'granularities':['DAY','MONTH']}}")
        .field("millis", "{'timestampConfig':{'granularities':['WEEK','QUARTER']}}");
  }

  /** Maps of numbers, of text, and of anything; empty and null ones. */
  private static MadeCase maps() {
    return new MadeCase("maps", 90)
        .map("ints", "INT", i -> {
          Map<String, Object> map = new TreeMap<>();
          for (int k = 0; k < i % 4; k++) {
            map.put("k" + Math.floorMod(mixed(i + k), 9), mixed(i * k));
          }
          return map;
        })
        .map("texts", "STRING", i -> i % 7 == 0 ? null : Map.of("é" + i % 3, word(i)))
        .map("any", "STRING", i -> {
          Map<String, Object> map = new TreeMap<>();
          map.put("text", word(i));
          map.put("real", mixed(i) / 8.0);
          map.put("flag", i % 2 == 0);
          map.put("long", i * 5_000_000_000L);
          map.put("\uFFFD", null);
          map.put("\uD83D\uDE00", Map.of("deep", List.of(1, "é\"")));
          return map;
        })
        .dimension("n", "INT", i -> i)
        .schema("{'enableColumnBasedNullHandling':true}")
        .field("any", "{'encodingType':'RAW','compressionCodec':'ZSTANDARD'}");
  }
}
