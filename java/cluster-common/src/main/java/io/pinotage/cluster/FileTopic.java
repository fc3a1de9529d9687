package io.pinotage.cluster;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * A stream that needs no broker: a folder with a file for each partition, `0`, `1` and so on, one JSON object a line,
 * appended to by the test. The offset of a row is the number of its line, so tests can foretell it.
 */
public final class FileTopic {
  /** The key of the stream config that names the folder. */
  public static final String FOLDER_KEY = "stream.file.folder";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CHUNK_BYTES = 4 << 20;

  private final File folder;

  public FileTopic(Map<String, String> streamConfig) {
    this.folder = new File(streamConfig.get(FOLDER_KEY));
  }

  public int partitions() {
    String[] files = folder.list();
    return files == null ? 0 : files.length;
  }

  /** The number of complete lines. */
  public long end(int partition) {
    try (Reader reader = new Reader(this, partition)) {
      long line = 0;
      List<byte[]> batch = reader.read(line);
      while (!batch.isEmpty()) {
        line += batch.size();
        batch = reader.read(line);
      }
      return line;
    }
  }

  /** A row as Pinot's own JSON decoder makes it: arrays are multiple values. */
  public static Map<String, Object> decode(byte[] line, int offset, int length) {
    try {
      @SuppressWarnings("unchecked")
      Map<String, Object> row = JSON.readValue(line, offset, length, Map.class);
      row.replaceAll((column, value) -> value instanceof Collection<?> values ? values.toArray() : value);
      return row;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads a partition; quick when each batch starts where the last one ended. */
  public static final class Reader implements AutoCloseable {
    private final RandomAccessFile file;
    private long line;
    private long position;

    public Reader(FileTopic topic, int partition) {
      try {
        this.file = new RandomAccessFile(new File(topic.folder, Integer.toString(partition)), "r");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** The complete lines from this number on, at most a chunk of them; empty at the end. */
    public List<byte[]> read(long from) {
      try {
        if (from < line) {
          line = 0;
          position = 0;
        }
        List<byte[]> rows = new ArrayList<>();
        while (rows.isEmpty() && next(from, rows)) {
          // Still on the way to the first.
        }
        return rows;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Goes on by a chunk; false at the end of the complete lines. */
    private boolean next(long from, List<byte[]> rows) throws IOException {
      byte[] bytes = new byte[(int) Math.min(file.length() - position, CHUNK_BYTES)];
      file.seek(position);
      file.readFully(bytes);
      int start = 0;
      for (int at = 0; at < bytes.length; at++) {
        if (bytes[at] == '\n') {
          if (line >= from) {
            rows.add(Arrays.copyOfRange(bytes, start, at));
          }
          line++;
          start = at + 1;
        }
      }
      if (start == 0 && bytes.length == CHUNK_BYTES) {
        throw new IOException("a row is longer than " + CHUNK_BYTES + " bytes");
      }
      position += start;
      return start > 0;
    }

    @Override
    public void close() {
      try {
        file.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
