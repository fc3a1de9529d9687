package io.pinotage.conformance;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.pinot.spi.data.Schema;

/** The stored values of {@code expected.jsonl}, column by column. */
final class ExpectedTable {
  private static final JsonFactory JSON = new JsonFactory();

  final int rows;
  final List<ExpectedColumn> columns;

  private ExpectedTable(int rows, List<ExpectedColumn> columns) {
    this.rows = rows;
    this.columns = columns;
  }

  static ExpectedTable read(File file, Schema schema) throws IOException {
    Map<String, ExpectedColumn.Builder> builders = new LinkedHashMap<>();
    for (String column : new TreeSet<>(schema.getPhysicalColumnNames())) {
      builders.put(column, new ExpectedColumn.Builder(schema.getFieldSpecFor(column)));
    }
    int rows = 0;
    try (BufferedReader lines = Files.newBufferedReader(file.toPath(), StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.isBlank()) {
          continue;
        }
        try (JsonParser p = JSON.createParser(line)) {
          readRow(p, builders, rows);
        } catch (IOException | RuntimeException e) {
          throw new IOException(file + " line " + (rows + 1) + ": " + e.getMessage(), e);
        }
        rows++;
      }
    }
    List<ExpectedColumn> columns = new ArrayList<>();
    for (ExpectedColumn.Builder builder : builders.values()) {
      columns.add(builder.build());
    }
    return new ExpectedTable(rows, columns);
  }

  private static void readRow(JsonParser p, Map<String, ExpectedColumn.Builder> builders, int row)
      throws IOException {
    p.nextToken();
    while (p.nextToken() == JsonToken.FIELD_NAME) {
      String key = p.currentName();
      JsonToken token = p.nextToken();
      if (key.equals("$nulls")) {
        while (p.nextToken() != JsonToken.END_ARRAY) {
          builder(builders, p.getText()).setNull(row);
        }
        continue;
      }
      ExpectedColumn.Builder column = builder(builders, key);
      if (column.spec.isSingleValueField()) {
        column.add(StoredValue.read(p, column.spec.getDataType().getStoredType()));
      } else if (token == JsonToken.START_ARRAY) {
        while (p.nextToken() != JsonToken.END_ARRAY) {
          column.add(StoredValue.read(p, column.spec.getDataType().getStoredType()));
        }
      } else {
        throw new IOException("column " + key + " is multi-value, its value must be an array");
      }
      column.endRow();
    }
    for (ExpectedColumn.Builder column : builders.values()) {
      if (column.row() != row + 1) {
        throw new IOException("column " + column.spec.getName() + " is missing or doubled");
      }
    }
  }

  private static ExpectedColumn.Builder builder(Map<String, ExpectedColumn.Builder> builders, String column)
      throws IOException {
    ExpectedColumn.Builder builder = builders.get(column);
    if (builder == null) {
      throw new IOException("column " + column + " is not in the schema");
    }
    return builder;
  }
}
