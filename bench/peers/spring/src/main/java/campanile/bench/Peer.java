// Server-sent events by Spring's SseEmitter: channels in memory, nothing stored, nobody checked.
//   java -cp target/classes:lib/* campanile.bench.Peer --server.port=8080
// GET /CHANNEL opens a stream, POST /CHANNEL sends its body to every stream of the channel.
package campanile.bench;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyEmitter.DataWithMediaType;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

@SpringBootApplication
@RestController
public class Peer {
  private final Map<String, Set<SseEmitter>> channels = new ConcurrentHashMap<>();
  private final AtomicLong lastId = new AtomicLong(10_000);

  @GetMapping("/{channel}")
  SseEmitter subscribe(@PathVariable String channel) throws IOException {
    SseEmitter emitter = new SseEmitter(0L);
    Set<SseEmitter> subscribers = channels.computeIfAbsent(channel, name -> ConcurrentHashMap.newKeySet());
    subscribers.add(emitter);
    emitter.onCompletion(() -> subscribers.remove(emitter));
    emitter.send(SseEmitter.event().comment(" hi"));
    return emitter;
  }

  // The event is made once and given to each emitter as one part, because every part is flushed to the socket on its own.
  @PostMapping("/{channel}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void publish(@PathVariable String channel, @RequestBody String data) {
    String event = "event: alarm\nid: " + lastId.incrementAndGet() + "\ndata: " + data + "\n\n";
    Set<DataWithMediaType> parts =
        Set.of(new DataWithMediaType(event.getBytes(), MediaType.APPLICATION_OCTET_STREAM));
    Set<SseEmitter> subscribers = channels.getOrDefault(channel, Set.of());
    for (SseEmitter emitter : subscribers) {
      try {
        emitter.send(parts);
      } catch (IOException | IllegalStateException gone) {
        subscribers.remove(emitter);
      }
    }
  }

  public static void main(String[] arguments) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("server.address", "127.0.0.1");
    settings.put("server.tomcat.max-connections", 20_000);
    settings.put("server.tomcat.accept-count", 4_096);
    settings.put("server.tomcat.max-keep-alive-requests", -1);
    settings.put("server.tomcat.keep-alive-timeout", -1);
    settings.put("spring.main.banner-mode", "off");
    settings.put("logging.level.root", "error");
    settings.put("spring.threads.virtual.enabled", Runtime.version().feature() >= 21);
    SpringApplication application = new SpringApplication(Peer.class);
    application.setDefaultProperties(settings);
    application.run(arguments);
  }
}
