package io.pinotage.segments;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.apache.pinot.segment.spi.creator.SegmentVersion;

/** One case for each way in which some release stores a column. */
final class Cases {
  /** Sorts differently by UTF-16 and by UTF-8, has quotes, commas, spaces at the ends, nothing, and much. */
  private static final String[] WORDS = {"apple", "pear", "null", "", "a,b ", " lead", "O'Brien", "\"q\"", "é", "\uFFFD",
      "\uD83D\uDE00", "\uFB01x", "日本語", "back\\slash", "line\nbreak", "z".repeat(70)};
  private static final String[] DECIMALS = {"0", "1", "-1", "1.1", "127", "128", "-129", "0.001", "12345678901234567890.5"};

  private Cases() {
  }

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    // What is asked for in version 2 is written in version 3.
    for (SegmentVersion version : new SegmentVersion[]{SegmentVersion.v1, SegmentVersion.v3}) {
      cases.add(everyType("dictionary-" + version, 300).version(version));
      cases.add(nulls("nulls-" + version).version(version));
      cases.add(sorted("sorted-" + version).version(version));
      cases.add(widths("raw-" + version).raw("LZ4", 4).version(version));
    }
    cases.add(everyType("var-length-dictionary", 300).indexing("{'varLengthDictionaryColumns':['s','sMv']}"));
    cases.add(nulls("nulls-by-column").since("1.1.0").indexing("{'nullHandlingEnabled':false}")
        .schema("{'enableColumnBasedNullHandling':true}"));
    for (int version = 2; version <= 5; version++) {
      for (String codec : new String[]{"PASS_THROUGH", "SNAPPY", "ZSTANDARD", "LZ4", "GZIP"}) {
        String since = codec.equals("GZIP") ? "1.3.0" : version == 5 ? "1.3.0" : "0.11.0";
        cases.add(widths("raw-" + version + "-" + codec).raw(codec, version).since(since));
      }
      cases.add(texts("raw-" + version + "-text-lists").raw("LZ4", version).since(version < 4 ? "0.11.0" : version == 4 ? "1.1.0" : "1.3.0"));
    }
    for (String codec : new String[]{"DELTA", "DELTADELTA"}) {
      cases.add(numbers("raw-4-" + codec).raw(codec, 4).since("1.5.1").asGiven());
    }
    cases.add(new Case("boolean-lists", 300)
        .dimension("bMv", "BOOLEAN[]", i -> list(i, k -> mixed(k) % 2 == 0))
        .dimension("tMv", "TIMESTAMP[]", i -> list(i, k -> 1_600_000_000_000L + k)).since("1.3.0"));
    cases.add(huge().raw("LZ4", 4).asGiven());
    Case shared = lists("entry-dictionary").since("1.1.0");
    for (String column : new String[]{"iMv", "sMv"}) {
      shared.field(column, "MV_ENTRY_DICT").put("encodingType", "DICTIONARY");
    }
    cases.add(shared);
    Case clp = logs("clp").since("1.3.0");
    clp.field("log", "CLP").put("encodingType", "RAW");
    cases.add(clp);
    cases.add(maps().since("1.3.0"));
    cases.add(mapOfAnything().since("1.5.1"));
    cases.add(otherIndexes());
    cases.add(realtime("realtime"));
    cases.add(realtime("realtime-column-major").since("1.1.0").indexing("{'columnMajorSegmentBuilderEnabled':true}"));
    for (String codec : new String[]{"CLPV2", "CLPV2_ZSTD", "CLPV2_LZ4"}) {
      Case logs = logs("realtime-" + codec).realtime().since(codec.equals("CLPV2") ? "1.3.0" : "1.4.0");
      logs.field("log", codec).put("encodingType", "RAW");
      cases.add(logs);
    }
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

  private static byte[] bytes(int i) {
    byte[] bytes = new byte[Math.floorMod(i, 9)];
    for (int k = 0; k < bytes.length; k++) {
      bytes[k] = (byte) (mixed(i) + 40 * k);
    }
    return bytes;
  }

  private static BigDecimal decimal(int i) {
    return new BigDecimal(DECIMALS[Math.floorMod(mixed(i), DECIMALS.length)]);
  }

  private static Object[] list(int i, IntFunction<Object> rule) {
    Object[] values = new Object[1 + Math.floorMod(mixed(i + 7), 5)];
    for (int k = 0; k < values.length; k++) {
      values[k] = rule.apply(i * 3 + k);
    }
    return values;
  }

  private static Case everyType(String name, int rows) {
    return new Case(name, rows)
        .dimension("i", "INT", i -> i == 1 ? Integer.MIN_VALUE : i == 2 ? Integer.MAX_VALUE : mixed(i) % 50)
        .dimension("l", "LONG", i -> i == 1 ? Long.MIN_VALUE : i == 2 ? Long.MAX_VALUE : mixed(i) * 1_000_003L)
        .dimension("f", "FLOAT", i -> i == 1 ? Float.NEGATIVE_INFINITY : mixed(i) / 64f)
        .dimension("d", "DOUBLE", i -> i == 1 ? Double.POSITIVE_INFINITY : mixed(i) / 1000.0)
        .dimension("b", "BOOLEAN", i -> mixed(i) % 3 == 0)
        .dimension("t", "TIMESTAMP", i -> 1_700_000_000_000L + i * 86_399_999L)
        .dimension("s", "STRING", Cases::word)
        .dimension("j", "JSON", i -> "{\"k\":" + i % 7 + ",\"w\":[1.5,\"é\"]}")
        .dimension("y", "BYTES", Cases::bytes)
        .dimension("constant", "STRING", i -> "")
        .dimension("iMv", "INT[]", i -> list(i, k -> mixed(k) % 9))
        .dimension("lMv", "LONG[]", i -> list(i, k -> mixed(k) * 5_000_000_007L))
        .dimension("fMv", "FLOAT[]", i -> list(i, k -> mixed(k) / 8f))
        .dimension("dMv", "DOUBLE[]", i -> list(i, k -> mixed(k) / 10.0))
        .dimension("sMv", "STRING[]", i -> list(i, Cases::word))
        .metric("mD", "DOUBLE", i -> mixed(i) / 128.0)
        .metric("mBd", "BIG_DECIMAL", Cases::decimal)
        .time("day", "STRING", "1:DAYS:SIMPLE_DATE_FORMAT:yyyy-MM-dd", i -> String.format("2023-11-%02d", 1 + i % 28))
        .time("days", "INT", "1:DAYS:EPOCH", i -> 19_000 + i);
  }

  /** One column of each layout that a raw forward index can have, with several chunks. */
  private static Case widths(String name) {
    return new Case(name, 2500)
        .dimension("i", "INT", Cases::mixed)
        .dimension("d", "DOUBLE", i -> mixed(i) / 1000.0)
        .dimension("s", "STRING", Cases::word)
        .dimension("y", "BYTES", Cases::bytes)
        .dimension("lMv", "LONG[]", i -> list(i, k -> (long) mixed(k)))
        .dimension("fMv", "FLOAT[]", i -> list(i, k -> mixed(k) / 4f))
        .metric("bd", "BIG_DECIMAL", Cases::decimal)
        .asGiven();
  }

  private static Case texts(String name) {
    return new Case(name, 2500)
        .dimension("sMv", "STRING[]", i -> list(i, Cases::word))
        .dimension("yMv", "BYTES[]", i -> list(i, Cases::bytes))
        .asGiven();
  }

  private static Case numbers(String name) {
    return new Case(name, 2501)
        .dimension("even", "INT", i -> 1000 + i * 3)
        .dimension("wild", "INT", Cases::mixed)
        .dimension("steps", "LONG", i -> 1_700_000_000_000L + i * 1000L)
        .dimension("wide", "LONG", i -> mixed(i) * 4_000_000_007L);
  }

  /** Rows beyond the size of a chunk. */
  private static Case huge() {
    return new Case("raw-huge", 20)
        .dimension("s", "JSON", i -> i % 5 == 3 ? "\"" + word(i).replaceAll("[\n\\\\\"]", "").repeat(1 << 17) + "x\"" : "\"" + i + "\"");
  }

  private static Case lists(String name) {
    return new Case(name, 600)
        .dimension("iMv", "INT[]", i -> list(i % 40, k -> mixed(k) % 9))
        .dimension("sMv", "STRING[]", i -> list(i % 7, Cases::word))
        .dimension("plain", "INT[]", i -> list(i, k -> mixed(k) % 9));
  }

  private static Case sorted(String name) {
    return new Case(name, 60)
        .dimension("city", "STRING", i -> new String[]{"Bern", "Oslo", "Rome", "\uD83D\uDE00", "\uFFFD"}[i / 12])
        .dimension("n", "INT", i -> mixed(i) % 20)
        .dimension("tags", "INT[]", i -> list(i, k -> mixed(k) % 9))
        .dimension("rising", "LONG", i -> i / 4L)
        .indexing("{'sortedColumn':['city'],'noDictionaryColumns':['rising'],'invertedIndexColumns':['n','tags'],"
            + "'createInvertedIndexDuringSegmentGeneration':true}");
  }

  private static Case nulls(String name) {
    return new Case(name, 60)
        .dimension("i", "INT", i -> i % 3 == 0 ? null : (Object) (i % 10))
        .dimension("s", "STRING", i -> i % 4 == 0 ? null : word(i))
        .dimension("rawL", "LONG", i -> i % 5 == 0 ? null : (Object) (long) i)
        .dimension("b", "BOOLEAN", i -> i % 7 == 0 ? null : (Object) (i % 2 == 0))
        .dimension("y", "BYTES", i -> i % 5 == 1 ? null : bytes(i))
        .dimension("iMv", "INT[]", i -> i % 5 == 3 ? null : list(i, k -> k % 6))
        .dimension("allNull", "INT", i -> null)
        .dimension("noNull", "INT", i -> i)
        .metric("m", "DOUBLE", i -> i % 8 == 0 ? null : (Object) (i / 4.0))
        .indexing("{'noDictionaryColumns':['rawL'],'nullHandlingEnabled':true}");
  }

  private static Case logs(String name) {
    return new Case(name, 600)
        .dimension("log", "STRING", i -> {
          switch (i % 6) {
            case 0:
              return "INFO task_" + i % 50 + " of user u" + i + " took " + i / 8.0 + " s and " + i + " bytes";
            case 1:
              return "WARN retry -" + i + " after -0." + i % 100 + "0 at 10.0.0." + i % 256 + ", id=00" + i;
            case 2:
              return "no variable at all";
            case 3:
              return "escape \\ é 日本語 " + Long.MIN_VALUE + " " + Long.MAX_VALUE;
            case 4:
              return "";
            default:
              return "1.2.3 " + mixed(i) + ".5 .25 5. 0.0 -0 +7 1e10 0x1f 123456789012345.6 12345678901234567.8";
          }
        })
        .dimension("n", "INT", i -> i)
        .indexing("{'noDictionaryColumns':['log']}")
        .asGiven();
  }

  private static Case maps() {
    return new Case("map", 600)
        .map("ints", "INT", i -> {
          Map<String, Object> map = new LinkedHashMap<>();
          for (int k = 0; k < i % 4; k++) {
            map.put("k" + Math.floorMod(mixed(i + k), 9), mixed(i * k));
          }
          return map;
        })
        .map("texts", "STRING", i -> Map.of("é" + i % 3, word(i)))
        .dimension("n", "INT", i -> i);
  }

  private static Case mapOfAnything() {
    return new Case("map-of-anything", 300)
        .map("any", "STRING", i -> {
          Map<String, Object> map = new LinkedHashMap<>();
          map.put("text", word(i));
          map.put("real", mixed(i) / 8.0);
          map.put("flag", i % 2 == 0);
          map.put("", List.of(1, "é\""));
          return map;
        });
  }

  /** Indexes that reading does not need, some of them in files of their own. */
  private static Case otherIndexes() {
    byte[] point = {0, 64, 94, (byte) 128, 0, 0, 0, 0, 0, 64, 66, (byte) 128, 0, 0, 0, 0, 0};
    Case c = new Case("other-indexes", 300)
        .dimension("text", "STRING", Cases::word)
        .dimension("fst", "STRING", i -> "w" + i % 20)
        .dimension("n", "INT", i -> mixed(i) % 30)
        .dimension("rawL", "LONG", i -> (long) mixed(i))
        .dimension("j", "JSON", i -> "{\"a\":" + i % 5 + ",\"b\":[\"x" + i % 3 + "\"]}")
        .dimension("place", "BYTES", i -> point)
        .time("ts", "TIMESTAMP", "1:MILLISECONDS:TIMESTAMP", i -> 1_700_000_000_000L + i * 3_600_000L)
        .indexing("{'rangeIndexColumns':['n','rawL'],'bloomFilterColumns':['n'],'jsonIndexColumns':['j'],"
            + "'noDictionaryColumns':['rawL','text','place'],"
            + "'starTreeIndexConfigs':[{'dimensionsSplitOrder':['n'],'functionColumnPairs':['COUNT__*'],'maxLeafRecords':10}]}");
    c.table("{'fieldConfigList':[{'name':'text','encodingType':'RAW','indexType':'TEXT'},"
        + "{'name':'fst','encodingType':'DICTIONARY','indexType':'FST'},"
        + "{'name':'place','encodingType':'RAW','indexType':'H3','properties':{'resolutions':'5'}},"
        + "{'name':'ts','encodingType':'DICTIONARY','timestampConfig':{'granularities':['DAY']}}]}");
    return c;
  }

  private static Case realtime(String name) {
    return new Case(name, 2500)
        .dimension("city", "STRING", i -> word(i % 11))
        .dimension("n", "INT", i -> i % 3 == 0 ? null : (Object) (mixed(i) % 30))
        .dimension("rawS", "STRING", Cases::word)
        .dimension("rawL", "LONG", i -> (long) mixed(i))
        .dimension("y", "BYTES", Cases::bytes)
        .dimension("iMv", "INT[]", i -> list(i, k -> mixed(k) % 9))
        .dimension("sMv", "STRING[]", i -> list(i, Cases::word))
        .metric("m", "DOUBLE", i -> mixed(i) / 4.0)
        .time("ts", "LONG", "1:MILLISECONDS:EPOCH", i -> 1_700_000_000_000L + i)
        .indexing("{'sortedColumn':['city'],'noDictionaryColumns':['rawS','rawL'],'invertedIndexColumns':['city','n'],"
            + "'nullHandlingEnabled':true}")
        .realtime();
  }
}
