import campanile.Campanile;
import campanile.Cursor;
import campanile.HubException;
import campanile.NewAlarm;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The part of a back end in the tests: Drill MODE HUB KEY WHO [CURSOR FILE]. Each line of its output is a fact. */
public final class Drill {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final String url;
    private final String who;
    private final Campanile hub;

    private Drill(String url, String key, String who) {
        this.url = url;
        this.who = who;
        this.hub = new Campanile(settings(url, key).withGiveUpAfter(Duration.ofMinutes(2)));
    }

    private static Campanile.Settings settings(String url, String key) {
        return Campanile.Settings.of(url, () -> key, false).withDelays(Duration.ofMillis(50), Duration.ofMillis(500));
    }

    public static void main(String[] arguments) throws Exception {
        Drill drill = new Drill(arguments[1], arguments[2], arguments[3]);
        switch (arguments[0]) {
            case "publish" -> drill.publish();
            case "watch" -> drill.watch(Path.of(arguments[4]));
            case "calls" -> drill.calls();
            case "removals" -> drill.removals();
            case "trouble" -> drill.trouble();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static synchronized void tell(Map<String, ?> fact) throws Exception {
        System.out.println(JSON.writeValueAsString(fact));
    }

    private static NewAlarm alarm(Object data, String user) {
        return NewAlarm.toUser(user, "DRILL").withTargetId("17").withData(data);
    }

    private static void failure(String call, Callable<?> it) throws Exception {
        try {
            it.call();
        } catch (HubException error) {
            tell(Map.of("call", call, "status", error.status(), "code", error.code()));
        }
    }

    /** Publishes until the input ends. */
    private void publish() throws Exception {
        AtomicBoolean ended = new AtomicBoolean();
        AtomicInteger next = new AtomicInteger();
        List<Thread> workers = new ArrayList<>();
        for (int worker = 0; worker < 3; worker++) {
            Thread thread = new Thread(() -> {
                try {
                    while (!ended.get()) {
                        Thread.sleep(40);
                        publishOne(next.getAndIncrement());
                    }
                } catch (Exception error) {
                    error.printStackTrace();
                    System.exit(1);
                }
            });
            thread.start();
            workers.add(thread);
        }
        System.in.readAllBytes();
        ended.set(true);
        for (Thread worker : workers) {
            worker.join();
        }
        tell(Map.of("done", true));
    }

    private void publishOne(int n) throws Exception {
        if (n % 10 > 0) {
            tell(Map.of("n", n, "id", hub.publish(alarm(Map.of("n", n), who)).get(0).id()));
            return;
        }
        List<NewAlarm> two = List.of(alarm(Map.of("n", n), who), alarm(Map.of("n", n + 0.5), who));
        List<List<Campanile.Published>> lists = hub.publishAll(two, java.util.UUID.randomUUID().toString());
        tell(Map.of("n", n, "id", lists.get(0).get(0).id()));
        tell(Map.of("n", n + 0.5, "id", lists.get(1).get(0).id()));
    }

    private void watch(Path cursor) throws Exception {
        hub.watch(List.of("user:" + who), Cursor.inFile(cursor), event -> {
            if (event.event().equals("alarm")) {
                tell(Map.of("n", event.data().get("data").get("n"), "id", event.id()));
            } else if (event.event().equals("gap")) {
                tell(Map.of("gap", event.id()));
            }
        });
    }

    /** The other calls, each once. */
    private void calls() throws Exception {
        String user = who + "/한글";
        hub.putUser(user, "Bob");
        hub.putUsers(Map.of(user, "Bob", who + "-2", "Two"));
        Campanile.Published first = hub.publish(alarm(null, user), who + "-once").get(0);
        Campanile.Published again = hub.publish(alarm(null, user), who + "-once").get(0);
        tell(Map.of("call", "publish", "topic", first.topic(), "same", first.id() == again.id()));
        tell(Map.of("call", "token", "token", hub.token(user, Duration.ofMinutes(1)).token()));
        failure("unknown", () -> hub.publish(alarm(null, "nobody")));
        failure("refused", () -> new Campanile(settings(url, "cmp_none")).publish(alarm(null, user)));
        failure("forbidden", () -> {
            hub.watch(List.of("role:admin"), nowhere(), event -> {});
            return null;
        });
    }

    /** The calls that take something away. */
    private void removals() throws Exception {
        String one = who + "-a";
        String two = who + "-b";
        String target = who + "-1";
        hub.putUsers(Map.of(one, "A", two, "B"));
        hub.publish(NewAlarm.to(Map.of("users", List.of(one, two)), "DRILL").withTargetId(target));
        tell(Map.of("call", "retract", "one", hub.retract(target, "DRILL", one)));
        tell(Map.of("call", "retract", "rest", hub.retract(target, "DRILL", null)));
        hub.signOut(one);
        hub.deleteUser(two);
        failure("gone", () -> hub.publish(alarm(null, two)));
    }

    /** Against a server that answers by the book of trouble. */
    private void trouble() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Campanile.Settings settings = Campanile.Settings.of(url, () -> "token-" + asked.incrementAndGet(), true);
        Campanile troubled = new Campanile(settings.withDelays(Duration.ofMillis(50), Duration.ofMillis(500)));
        tell(Map.of("published", troubled.publish(alarm(Map.of(), "bob")).get(0).id()));
        try {
            troubled.watch(List.of("user:bob"), nowhere(), event -> tell(Map.of("event", event.event(), "id", event.id())));
        } catch (HubException error) {
            tell(Map.of("ended", error.code()));
        }
    }

    private static Cursor nowhere() {
        return new Cursor() {
            @Override
            public Long load() {
                return null;
            }

            @Override
            public void save(long position) {}
        };
    }
}
