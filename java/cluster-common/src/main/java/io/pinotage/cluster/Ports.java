package io.pinotage.cluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Free ports. Pinot wants to be told its ports, so they are probed first, below the range that the kernel takes the ports
 * of outgoing connections from: those would be gone again by the time Pinot listens. Clusters that start side by side keep
 * out of each other's way by blocks: who listens on a block's first port owns the rest.
 */
final class Ports {
  private static final int FIRST = 20_000;
  private static final int LAST = 32_000;
  private static final int BLOCK = 20;
  private static final int ATTEMPTS = 1_000;

  private static final Random RANDOM = new Random();
  /** Open as long as this process lives. */
  private static final List<ServerSocket> OWNED = new ArrayList<>();

  private static int next;
  private static int end;

  private Ports() {
  }

  static synchronized int free() {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (next == end) {
        claim();
      } else if (isFree(next)) {
        return next++;
      } else {
        next++;
      }
    }
    throw new IllegalStateException("no free port from " + FIRST + " to " + LAST);
  }

  /** Takes a block, or none if it has an owner. */
  private static void claim() {
    int first = FIRST + BLOCK * RANDOM.nextInt((LAST - FIRST) / BLOCK);
    try {
      OWNED.add(new ServerSocket(first, 1, InetAddress.getLoopbackAddress()));
    } catch (IOException e) {
      return;
    }
    next = first + 1;
    end = first + BLOCK;
  }

  private static boolean isFree(int port) {
    return canBind(new InetSocketAddress(port)) && canBind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
  }

  private static boolean canBind(InetSocketAddress address) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(address);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
