package io.pinotage.cluster;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Certificates: `ca.pem`, and for `server` and `client` a `.pem` and an EC key `-key.pem` (PKCS #8), which somebody put into
 * the folder. The key stores that Java wants are made beside them: `server.p12`, `client.p12`, `client.jks`,
 * `truststore.p12`, `truststore.jks`.
 */
public record Tls(File folder, boolean clientCertificates) {
  /** Of all key stores. */
  public static final String PASSWORD = "changeit";

  void makeStores() throws IOException, GeneralSecurityException {
    for (String type : new String[] {"p12", "jks"}) {
      KeyStore trust = empty(type);
      trust.setCertificateEntry("ca", certificate("ca"));
      save(trust, "truststore." + type);
      save(keys("client", type), "client." + type);
    }
    save(keys("server", "p12"), "server.p12");
  }

  /** Of a part of Pinot that is a server and a client: everybody has the server's key. */
  public Map<String, Object> settings(String prefix) {
    return Map.of(
        prefix + ".client.auth.enabled", clientCertificates,
        prefix + ".keystore.type", "PKCS12",
        prefix + ".keystore.path", file("server.p12").getPath(),
        prefix + ".keystore.password", PASSWORD,
        prefix + ".truststore.type", "PKCS12",
        prefix + ".truststore.path", file("truststore.p12").getPath(),
        prefix + ".truststore.password", PASSWORD);
  }

  /** The same for what Pinot does not configure. */
  public SSLContext context() throws IOException, GeneralSecurityException {
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(keys("server", "p12"), PASSWORD.toCharArray());
    KeyStore ca = empty("p12");
    ca.setCertificateEntry("ca", certificate("ca"));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(ca);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private KeyStore keys(String owner, String type) throws IOException, GeneralSecurityException {
    KeyStore store = empty(type);
    Certificate[] chain = {certificate(owner), certificate("ca")};
    store.setKeyEntry(owner, key(owner), PASSWORD.toCharArray(), chain);
    return store;
  }

  private Certificate certificate(String owner) throws IOException, GeneralSecurityException {
    try (InputStream in = Files.newInputStream(file(owner + ".pem").toPath())) {
      return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private PrivateKey key(String owner) throws IOException, GeneralSecurityException {
    String pem = Files.readString(file(owner + "-key.pem").toPath()).replaceAll("-----[^-]+-----", "");
    return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem)));
  }

  private static KeyStore empty(String type) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(type.equals("p12") ? "PKCS12" : "JKS");
    store.load(null, null);
    return store;
  }

  private void save(KeyStore store, String name) throws IOException, GeneralSecurityException {
    try (OutputStream out = new FileOutputStream(file(name))) {
      store.store(out, PASSWORD.toCharArray());
    }
  }

  private File file(String name) {
    return new File(folder, name);
  }
}
