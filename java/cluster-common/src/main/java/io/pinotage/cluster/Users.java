package io.pinotage.cluster;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** Who may do what, where Basic authentication is on: `admin` everything, `reader` may only read. */
public final class Users {
  private static final Map<String, String> PASSWORDS = Map.of("admin", "verysecret", "reader", "kindasecret");

  private Users() {
  }

  /** Of one of Pinot's `BasicAuthAccessControlFactory`s, which read this prefix. */
  public static Map<String, Object> settings(String prefix) {
    Map<String, Object> config = new HashMap<>();
    config.put(prefix, String.join(",", PASSWORDS.keySet()));
    PASSWORDS.forEach((name, password) -> config.put(prefix + "." + name + ".password", password));
    config.put(prefix + ".reader.permissions", "READ");
    return config;
  }

  static Map<String, String> passwords() {
    return PASSWORDS;
  }

  /** What the parts of the cluster say to each other in the header `Authorization`. */
  public static String token() {
    byte[] user = ("admin:" + PASSWORDS.get("admin")).getBytes(StandardCharsets.UTF_8);
    return "Basic " + Base64.getEncoder().encodeToString(user);
  }
}
