package io.pinotage.conformance;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.configuration2.PropertiesConfiguration;
import org.apache.pinot.spi.env.CommonsConfigurationUtils;

/** The entries of a v3 segment: {@code <column>.<index id>} to its bytes in columns.psf, the 8 magic bytes left out. */
final class IndexMap {
  static final int MAGIC = 8;

  private final File psf;
  private final Map<String, long[]> entries = new TreeMap<>();

  IndexMap(File segmentDir) throws Exception {
    File v3 = new File(segmentDir, "v3");
    psf = new File(v3, "columns.psf");
    File map = new File(v3, "index_map");
    if (!map.isFile()) {
      return;
    }
    PropertiesConfiguration properties = CommonsConfigurationUtils.fromFile(map);
    Iterator<String> keys = properties.getKeys();
    while (keys.hasNext()) {
      String key = keys.next();
      if (key.endsWith(".startOffset")) {
        String entry = key.substring(0, key.length() - ".startOffset".length());
        entries.put(entry, new long[]{properties.getLong(key), properties.getLong(entry + ".size")});
      }
    }
  }

  Iterable<String> names() {
    return entries.keySet();
  }

  boolean has(String name) {
    return entries.containsKey(name);
  }

  /** Offset and size in columns.psf, the magic bytes included. */
  long[] place(String name) {
    return entries.get(name);
  }

  /** Payload of an entry; entries above 2 GiB are not for the judge. */
  byte[] payload(String name) throws IOException {
    long[] place = entries.get(name);
    byte[] bytes = new byte[Math.toIntExact(place[1] - MAGIC)];
    try (RandomAccessFile file = new RandomAccessFile(psf, "r")) {
      file.seek(place[0] + MAGIC);
      file.readFully(bytes);
    }
    return bytes;
  }
}
