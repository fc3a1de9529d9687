package io.pinotage.bench;

import com.sun.management.OperatingSystemMXBean;
import io.pinotage.conformance.PinotWriter;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.pinot.common.utils.TarCompressionUtils;
import org.apache.pinot.core.util.SegmentProcessorAvroUtils;
import org.apache.pinot.segment.local.segment.creator.TransformPipeline;
import org.apache.pinot.spi.config.table.TableConfig;
import org.apache.pinot.spi.data.Schema;
import org.apache.pinot.spi.data.readers.GenericRow;
import org.apache.pinot.spi.data.readers.RecordReader;
import org.apache.pinot.spi.data.readers.RecordReaderConfig;
import org.apache.pinot.spi.utils.JsonUtils;

/**
 * What Pinot's own sink for Flink does with rows, by the same classes of 1.5.1: transformed, into an Avro file, a segment of that
 * by {@code SegmentIndexCreationDriverImpl}, gzip. Without Flink, and without uploads.
 */
public final class JavaSinkPath {
  private JavaSinkPath() {
  }

  /** Schema, table config, an empty folder, rows a segment, {@code segments} or {@code source} alone, and CSV files with a header. */
  public static void main(String[] args) throws Exception {
    Schema schema = Schema.fromFile(new File(args[0]));
    TableConfig table = JsonUtils.fileToObject(new File(args[1]), TableConfig.class);
    File out = new File(args[2]);
    int limit = Integer.parseInt(args[3]);
    boolean sourceOnly = args[4].equals("source");
    Buffer buffer = new Buffer(schema, table, out);
    long rows = 0;
    long check = 0;
    for (int i = 5; i < args.length; i++) {
      try (BufferedReader lines = Files.newBufferedReader(Path.of(args[i]), StandardCharsets.UTF_8)) {
        LineitemRows values = new LineitemRows(lines.readLine());
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          GenericRow row = values.row(line);
          rows++;
          if (sourceOnly) {
            check += row.getFieldToValueMap().size();
          } else if (buffer.add(row) == limit) {
            buffer.flush();
          }
        }
      }
    }
    buffer.flush();
    OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    System.out.printf("{\"rows\": %d, \"segments\": %d, \"process_cpu_seconds\": %.3f, \"check\": %d}%n", rows,
        buffer.segments, system.getProcessCpuTime() / 1e9, check);
    System.exit(0);
  }

  /** Rows of a segment that is not full. */
  private static final class Buffer {
    private final Schema schema;
    private final TableConfig table;
    private final File out;
    private final TransformPipeline pipeline;
    private final org.apache.avro.Schema avro;
    private final GenericData.Record record;
    private DataFileWriter<GenericData.Record> writer;
    private int rows;
    private int segments;

    Buffer(Schema schema, TableConfig table, File out) {
      this.schema = schema;
      this.table = table;
      this.out = out;
      this.pipeline = new TransformPipeline(table, schema);
      this.avro = SegmentProcessorAvroUtils.convertPinotSchemaToAvroSchema(schema);
      this.record = new GenericData.Record(avro);
    }

    private File file() {
      return new File(out, "rows.avro");
    }

    int add(GenericRow row) throws IOException {
      if (writer == null) {
        writer = new DataFileWriter<>(new GenericDatumWriter<>(avro));
        writer.create(avro, file());
      }
      for (GenericRow transformed : pipeline.processRow(row).getTransformedRows()) {
        SegmentProcessorAvroUtils.convertGenericRowToAvroRecord(transformed, record);
        writer.append(record);
        rows++;
      }
      return rows;
    }

    void flush() throws Exception {
      if (rows == 0) {
        return;
      }
      writer.close();
      writer = null;
      rows = 0;
      File segment = PinotWriter.write(table, schema, new AvroRows(file(), avro), out, "lineitem_" + segments++);
      TarCompressionUtils.createCompressedTarFile(segment, new File(out, segment.getName() + ".tar.gz"));
    }
  }

  /** Serves such a file to Pinot, as often as it rewinds. */
  private static final class AvroRows implements RecordReader {
    private static final long serialVersionUID = 1L;

    private final transient File file;
    private final transient org.apache.avro.Schema avro;
    private transient DataFileReader<GenericRecord> reader;
    private transient GenericRecord record;

    AvroRows(File file, org.apache.avro.Schema avro) throws IOException {
      this.file = file;
      this.avro = avro;
      rewind();
    }

    @Override
    public void init(File dataFile, Set<String> fields, RecordReaderConfig config) {
      throw new UnsupportedOperationException("constructed with its file");
    }

    @Override
    public boolean hasNext() {
      return reader.hasNext();
    }

    @Override
    public GenericRow next(GenericRow reuse) throws IOException {
      record = reader.next(record);
      for (org.apache.avro.Schema.Field field : avro.getFields()) {
        Object value = record.get(field.pos());
        reuse.putValue(field.name(), value instanceof CharSequence ? value.toString() : value);
      }
      return reuse;
    }

    @Override
    public void rewind() throws IOException {
      close();
      reader = new DataFileReader<>(file, new GenericDatumReader<>(avro));
    }

    @Override
    public void close() throws IOException {
      if (reader != null) {
        reader.close();
      }
    }
  }
}
