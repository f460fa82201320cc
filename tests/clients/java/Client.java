import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import okhttp3.Dispatcher;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.sse.EventSource;
import okhttp3.sse.EventSourceListener;
import okhttp3.sse.EventSources;

/**
 * Clients of one library: {@code java Client.java KIND URL TOKENS…}. Each further argument is one client, its tokens separated by commas: the
 * next one is taken when the hub no longer accepts the one before. Each event is a line of JSON on standard output. The settings are those
 * that docs/guide/clients.md names.
 */
class Client {
  static final ObjectMapper JSON = new ObjectMapper();
  static final Set<String> NAMES = Set.of("connect", "alarm", "message", "bye");
  /** Three heartbeats: a stream that brings nothing for so long is dead. */
  static final Duration SILENCE = Duration.ofSeconds(3 * Long.parseLong(System.getenv().getOrDefault("CAMPANILE_HEARTBEAT_SECONDS", "15")));

  /** A status other than 200. */
  static class Refused extends Exception {
    final int status;

    Refused(int status) {
      this.status = status;
    }
  }

  /** The token has expired. */
  static class Renew extends RuntimeException {}

  interface Reading {
    void read(Client client) throws Exception;
  }

  final int number;
  final URI url;
  final Deque<String> tokens;
  /** The position; an empty log has the position 0. */
  volatile long cursor = -1;

  Client(int number, String url, String tokens) {
    this.number = number;
    this.url = URI.create(url);
    this.tokens = new ArrayDeque<>(List.of(tokens.split(",")));
  }

  void tell(String event, Object... more) {
    var line = JSON.createObjectNode().put("client", number).put("event", event);
    for (int i = 0; i < more.length; i += 2) {
      line.set((String) more[i], JSON.valueToTree(more[i + 1]));
    }
    synchronized (System.out) {
      System.out.println(line);
      System.out.flush();
    }
  }

  void heard(String name, long id, JsonNode data) {
    if (id >= 0) {
      cursor = id;
    }
    if (NAMES.contains(name)) {
      tell(name, "id", id, "reason", data.path("reason").asText(null));
      if (name.equals("bye") && data.path("reason").asText().equals("expired")) {
        throw new Renew();
      }
    }
  }

  /** One JSON object of a WebSocket or of NDJSON. */
  void heard(String text) throws Exception {
    JsonNode event = JSON.readTree(text);
    heard(event.get("event").asText(), event.path("id").asLong(-1), event.get("data"));
  }

  void run(Reading reading) {
    try {
      while (true) {
        Throwable error = null;
        try {
          reading.read(this);
        } catch (CompletionException | ExecutionException wrapped) {
          error = wrapped.getCause();
        } catch (Exception fault) {
          error = fault;
        }
        int status = error instanceof Refused refused ? refused.status : 0;
        if (error instanceof Renew || status == 401) {
          if (tokens.size() == 1) {
            tell("refused", "status", status);
            return;
          }
          tokens.remove();
          tell("renewed");
        }
        Thread.sleep(ThreadLocalRandom.current().nextLong(300, 1000));
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- java.net.http ----

  static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

  HttpRequest.Builder request(String accept) {
    var request = HttpRequest.newBuilder(url).header("Authorization", "Bearer " + tokens.peek()).header("Accept", accept);
    return cursor >= 0 ? request.header("Last-Event-ID", Long.toString(cursor)) : request;
  }

  static Iterator<String> lines(HttpRequest request) throws Exception {
    var answer = HTTP.send(request, BodyHandlers.ofLines());
    if (answer.statusCode() != 200) {
      throw new Refused(answer.statusCode());
    }
    return answer.body().iterator();
  }

  static void eventStream(Client client) throws Exception {
    String name = "message";
    String id = "-1";
    String data = "";
    var lines = lines(client.request("text/event-stream").build());
    while (lines.hasNext()) {
      String line = lines.next();
      if (line.isEmpty()) {
        if (!data.isEmpty()) {
          client.heard(name, Long.parseLong(id), JSON.readTree(data));
        }
        name = "message";
        id = "-1";
        data = "";
      } else if (line.startsWith("event: ")) {
        name = line.substring(7);
      } else if (line.startsWith("id: ")) {
        id = line.substring(4);
      } else if (line.startsWith("data: ")) {
        data = line.substring(6);
      }
    }
  }

  static void ndjson(Client client) throws Exception {
    var lines = lines(client.request("application/x-ndjson").build());
    while (lines.hasNext()) {
      client.heard(lines.next());
    }
  }

  static void webSocket(Client client) throws Exception {
    var end = new CompletableFuture<Void>();
    var builder = HTTP.newWebSocketBuilder().header("Authorization", "Bearer " + client.tokens.peek());
    String query = client.cursor >= 0 ? "?cursor=" + client.cursor : "";
    var heardAt = new AtomicLong(System.nanoTime());
    var listener =
        new WebSocket.Listener() {
          final StringBuilder text = new StringBuilder();

          @Override
          public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
            heardAt.set(System.nanoTime());
            text.append(part);
            try {
              if (last && !end.isDone()) {
                client.heard(text.toString());
              }
            } catch (Exception fault) {
              socket.abort();
              end.completeExceptionally(fault);
            }
            if (last) {
              text.setLength(0);
            }
            socket.request(1);
            return null;
          }

          @Override
          public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            end.complete(null);
            return null;
          }

          @Override
          public void onError(WebSocket socket, Throwable error) {
            end.completeExceptionally(error);
          }
        };
    WebSocket socket;
    try {
      socket = builder.buildAsync(URI.create(client.url.toString().replace("http", "ws") + query), listener).join();
    } catch (CompletionException error) {
      if (error.getCause() instanceof WebSocketHandshakeException handshake) {
        throw new Refused(handshake.getResponse().statusCode());
      }
      throw error;
    }
    // It calls neither onClose nor onError when the connection ends in the middle of a message, and it has no limit of its own.
    while (true) {
      try {
        end.get(1, TimeUnit.SECONDS);
        return;
      } catch (TimeoutException quiet) {
        if (System.nanoTime() - heardAt.get() > SILENCE.toNanos()) {
          socket.abort();
          throw quiet;
        }
      }
    }
  }

  // ---- okhttp-sse ----

  static final EventSource.Factory OKHTTP = EventSources.createFactory(okHttpClient());

  static OkHttpClient okHttpClient() {
    // Its own limits are 5 requests at once to one host, so that a sixth stream waits for ever, and 10 s without a byte.
    var dispatcher = new Dispatcher();
    dispatcher.setMaxRequests(1000);
    dispatcher.setMaxRequestsPerHost(1000);
    return new OkHttpClient.Builder().dispatcher(dispatcher).readTimeout(SILENCE).build();
  }

  static void okHttp(Client client) {
    var request = new Request.Builder().url(client.url.toString()).header("Authorization", "Bearer " + client.tokens.peek());
    if (client.cursor >= 0) {
      request.header("Last-Event-ID", Long.toString(client.cursor));
    }
    var end = new CompletableFuture<Void>();
    var listener =
        new EventSourceListener() {
          @Override
          public void onEvent(EventSource source, String id, String type, String data) {
            try {
              if (!end.isDone()) {
                client.heard(type == null ? "message" : type, id == null || id.isEmpty() ? -1 : Long.parseLong(id), JSON.readTree(data));
              }
            } catch (Exception fault) {
              source.cancel();
              end.completeExceptionally(fault);
            }
          }

          @Override
          public void onClosed(EventSource source) {
            end.complete(null);
          }

          @Override
          public void onFailure(EventSource source, Throwable error, Response answer) {
            boolean refused = answer != null && answer.code() != 200;
            end.completeExceptionally(refused ? new Refused(answer.code()) : error);
          }
        };
    OKHTTP.newEventSource(request.build(), listener);
    end.join();
  }

  static final Map<String, Reading> KINDS =
      Map.of(
          "HttpClient", Client::eventStream,
          "HttpClient (NDJSON)", Client::ndjson,
          "HttpClient (WebSocket)", Client::webSocket,
          "okhttp-sse", Client::okHttp);

  public static void main(String[] arguments) {
    Reading reading = KINDS.get(arguments[0]);
    var all = Arrays.asList(arguments).subList(2, arguments.length);
    for (int number = 0; number < all.size(); number++) {
      var client = new Client(number, arguments[1], all.get(number));
      new Thread(() -> client.run(reading)).start();
    }
  }
}
