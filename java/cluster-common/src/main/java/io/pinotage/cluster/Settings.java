package io.pinotage.cluster;

import java.io.File;

/** What the command line asks for. */
record Settings(File folder, boolean remove, int servers, boolean auth, Tls tls, String s3, int controllerPort) {
  static final String HELP = String.join("\n",
      "Starts ZooKeeper and a Pinot controller, broker and servers in this process, prints their addresses as one line of",
      "JSON when they answer, and ends when its standard input is closed.",
      "",
      "  FOLDER           data and logs; made if absent",
      "  --remove         removes the folder when standard input is closed",
      "  --servers N      number of servers, 1 if absent",
      "  --auth           Basic authentication everywhere",
      "  --tls FOLDER     HTTPS instead of HTTP; the folder has ca.pem, server.pem, server-key.pem, client.pem and",
      "                   client-key.pem, and gets the same as key stores",
      "  --mutual-tls     with --tls, clients need a certificate",
      "  --s3 URL         `s3:` is the server at this URL, with any key; 0.11 only",
      "  --controller-port N   the controller's port, a free one if absent");

  static Settings parse(String[] args) {
    File folder = null;
    boolean remove = false;
    int servers = 1;
    boolean auth = false;
    File certificates = null;
    boolean mutual = false;
    String s3 = null;
    int controllerPort = 0;
    for (int at = 0; at < args.length; at++) {
      switch (args[at]) {
        case "--remove" -> remove = true;
        case "--servers" -> servers = Integer.parseInt(value(args, ++at));
        case "--auth" -> auth = true;
        case "--tls" -> certificates = new File(value(args, ++at)).getAbsoluteFile();
        case "--mutual-tls" -> mutual = true;
        case "--s3" -> s3 = value(args, ++at);
        case "--controller-port" -> controllerPort = Integer.parseInt(value(args, ++at));
        default -> {
          if (args[at].startsWith("-") || folder != null) {
            throw new IllegalArgumentException("unexpected argument " + args[at] + "\n\n" + HELP);
          }
          folder = new File(args[at]).getAbsoluteFile();
        }
      }
    }
    if (folder == null || servers < 1 || (mutual && certificates == null)) {
      throw new IllegalArgumentException(HELP);
    }
    Tls tls = certificates == null ? null : new Tls(certificates, mutual);
    return new Settings(folder, remove, servers, auth, tls, s3, controllerPort);
  }

  private static String value(String[] args, int at) {
    if (at >= args.length) {
      throw new IllegalArgumentException(args[at - 1] + " needs a value\n\n" + HELP);
    }
    return args[at];
  }
}
