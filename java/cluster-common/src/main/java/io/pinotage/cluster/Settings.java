package io.pinotage.cluster;

import java.io.File;

/** What the command line asks for. */
record Settings(File folder, boolean remove, int servers) {
  static final String HELP = String.join("\n",
      "Starts ZooKeeper and a Pinot controller, broker and servers in this process, prints their addresses as one line of",
      "JSON when they answer, and ends when its standard input is closed.",
      "",
      "  FOLDER           data and logs; made if absent",
      "  --remove         removes the folder when standard input is closed",
      "  --servers N      number of servers, 1 if absent");

  static Settings parse(String[] args) {
    File folder = null;
    boolean remove = false;
    int servers = 1;
    for (int at = 0; at < args.length; at++) {
      switch (args[at]) {
        case "--remove" -> remove = true;
        case "--servers" -> servers = Integer.parseInt(value(args, ++at));
        default -> {
          if (args[at].startsWith("-") || folder != null) {
            throw new IllegalArgumentException("unexpected argument " + args[at] + "\n\n" + HELP);
          }
          folder = new File(args[at]).getAbsoluteFile();
        }
      }
    }
    if (folder == null || servers < 1) {
      throw new IllegalArgumentException(HELP);
    }
    return new Settings(folder, remove, servers);
  }

  private static String value(String[] args, int at) {
    if (at >= args.length) {
      throw new IllegalArgumentException(args[at - 1] + " needs a value\n\n" + HELP);
    }
    return args[at];
  }
}
