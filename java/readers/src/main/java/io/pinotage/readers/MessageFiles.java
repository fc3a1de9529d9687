package io.pinotage.readers;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.TextFormat;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;

/** Protobuf messages, and the descriptors beside them, by Protobuf's own library. */
final class MessageFiles {
  private MessageFiles() {
  }

  /** The descriptors and each message as Protobuf's text. */
  static void make(String descriptors, JsonNode rows, File file) throws IOException {
    FileDescriptorSet.Builder set = FileDescriptorSet.newBuilder();
    TextFormat.merge(descriptors, set);
    Files.write(descriptors(file).toPath(), set.build().toByteArray());
    Descriptor type;
    try {
      type = FileDescriptor.buildFrom(set.getFile(0), new FileDescriptor[0]).getMessageTypes().get(0);
    } catch (DescriptorValidationException e) {
      throw new IOException(descriptors, e);
    }
    try (OutputStream out = Files.newOutputStream(file.toPath())) {
      for (JsonNode row : rows) {
        DynamicMessage.Builder message = DynamicMessage.newBuilder(type);
        TextFormat.merge(row.textValue(), message);
        message.build().writeDelimitedTo(out);
      }
    }
  }

  static File descriptors(File file) {
    return new File(file.getPath().replaceAll("\\.[^.]*$", ".desc"));
  }
}
