package campanile;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** A hub, spoken to with an API key, or with a token that a function gives before each request. Threads may share one. */
public final class Campanile {
    /** A stream is dead after so many heartbeats of silence. */
    private static final int MISSED_HEARTBEATS = 3;
    /** The silence that is allowed until the stream has told the length of its heartbeat. */
    private static final Duration FIRST_SILENCE = Duration.ofSeconds(45);
    private static final Set<String> OURS = Set.of("connect", "bye", "ping");

    private final Settings settings;
    private final ObjectMapper json = new ObjectMapper();
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ScheduledExecutorService watchdog = watchdog();

    /** The token is given for each request, and once more after a 401 if it may be new; giveUpAfter is for all tries of one call. */
    public record Settings(
            String url, Supplier<String> token, boolean givesNewTokens, Duration timeout, Duration giveUpAfter, Duration minDelay, Duration maxDelay) {
        public static Settings of(String url, Supplier<String> token, boolean givesNewTokens) {
            return new Settings(url.replaceAll("/+$", ""), token, givesNewTokens,
                    Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofSeconds(1), Duration.ofSeconds(30));
        }

        public Settings withDelays(Duration least, Duration most) {
            return new Settings(url, token, givesNewTokens, timeout, giveUpAfter, least, most);
        }

        public Settings withGiveUpAfter(Duration it) {
            return new Settings(url, token, givesNewTokens, timeout, it, minDelay, maxDelay);
        }
    }

    /** An alarm that is stored. */
    public record Published(long id, String topic) {}

    /** What a page of a user speaks to the hub with. */
    public record Token(String token, String expiresAt) {}

    /** Takes an event in; what it throws ends the stream. */
    public interface Handler {
        void handle(Event event) throws Exception;
    }

    public Campanile(String url, String key) {
        this(Settings.of(url, () -> key, false));
    }
    public Campanile(Settings settings) {
        this.settings = settings;
    }

    public List<Published> publish(NewAlarm alarm) throws InterruptedException {
        return publish(alarm, UUID.randomUUID().toString());
    }

    /** Publishes one alarm, once, however often the request has to be sent. */
    public List<Published> publish(NewAlarm alarm, String idempotencyKey) throws InterruptedException {
        return published(call("POST", "/api/alarms", alarm, idempotencyKey));
    }

    /** Publishes up to 1,000 alarms, all or none; gives a list for each of them. */
    public List<List<Published>> publishAll(List<NewAlarm> alarms, String idempotencyKey) throws InterruptedException {
        List<List<Published>> lists = new ArrayList<>();
        call("POST", "/api/alarms", alarms, idempotencyKey).get("results").forEach(result -> lists.add(published(result)));
        return lists;
    }

    /** Takes alarms out of the inboxes of their recipients, or of one user where it is not null; gives their number. */
    public int retract(String targetId, String alarmType, String user) throws InterruptedException {
        String query = "?targetId=" + encoded(targetId) + "&alarmType=" + encoded(alarmType) + (user == null ? "" : "&user=" + encoded(user));
        int deleted = 0;
        JsonNode answer;
        do {
            answer = call("DELETE", "/api/alarms" + query, null, null);
            deleted += answer.get("deleted").asInt();
        } while (answer.path("more").asBoolean());
        return deleted;
    }

    /** Makes a user known, or changes them; a display name may be null. */
    public void putUser(String id, String displayName) throws InterruptedException {
        call("PUT", userPath(id), displayName == null ? Map.of() : Map.of("displayName", displayName), null);
    }

    /** Makes up to 1,000 users known, all or none: their ids with their display names. */
    public void putUsers(Map<String, String> displayNames) throws InterruptedException {
        List<Map<String, String>> users = new ArrayList<>();
        displayNames.forEach((id, name) -> users.add(Map.of("id", id, "displayName", name)));
        call("POST", "/api/users", users, null);
    }

    /** Ends every session and stream of a user. */
    public void signOut(String id) throws InterruptedException {
        call("POST", userPath(id) + "/sign-out", null, null);
    }

    /** Deletes a user. */
    public void deleteUser(String id) throws InterruptedException {
        call("DELETE", userPath(id), null, null);
    }

    /** A token for the page of a user. */
    public Token token(String userId, Duration life) throws InterruptedException {
        JsonNode answer = call("POST", "/api/tokens", Map.of("userId", userId, "ttlSeconds", life.toSeconds()), null);
        return new Token(answer.get("token").asText(), answer.get("expiresAt").asText());
    }

    /**
     * Hands out the events of topics, such as {@code user:bob} or {@code *}, in order and each once, until the thread is interrupted, the
     * handler throws, or the hub refuses for good. The cursor is saved after the handler: an event that it failed for comes again at the
     * next start.
     */
    public void watch(List<String> topics, Cursor cursor, Handler handler) throws Exception {
        new Watching(topics, cursor, handler).run();
    }

    private final class Watching {
        private final String path;
        private final Cursor cursor;
        private final Handler handler;
        private final Tries tries = new Tries(null);
        private Long position;
        private Duration silence = FIRST_SILENCE;

        Watching(List<String> topics, Cursor cursor, Handler handler) throws Exception {
            List<String> query = topics.stream().map(topic -> "topic=" + encoded(topic)).toList();
            this.path = "/api/stream?" + String.join("&", query);
            this.cursor = cursor;
            this.handler = handler;
            this.position = cursor.load();
        }

        void run() throws Exception {
            while (true) {
                HubException failure = null;
                try {
                    connect();
                } catch (Failed failed) {
                    throw failed.exception;
                } catch (HubException error) {
                    failure = error;
                }
                tries.pause(failure);
            }
        }

        /** One connection. A line that is not ended has not come whole. */
        private void connect() throws InterruptedException, Failed {
            HttpRequest.Builder request = request("GET", path, null).header("Accept", "application/x-ndjson");
            if (position != null) {
                request.header("Last-Event-ID", position.toString());
            }
            HttpResponse<InputStream> answer = send(request, BodyHandlers.ofInputStream());
            try (InputStream body = answer.body()) {
                if (answer.statusCode() >= 300) {
                    throw problem(answer, new String(body.readAllBytes(), StandardCharsets.UTF_8));
                }
                if (!answer.headers().firstValue("content-type").orElse("").startsWith("application/x-ndjson")) {
                    String code = answer.statusCode() == 204 ? "account_disabled" : "no_stream";
                    throw new HubException(answer.statusCode(), code, "the answer is no stream", Duration.ZERO, null);
                }
                BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
                for (String line = next(body, lines); line != null; line = next(body, lines)) {
                    take(line);
                }
            } catch (IOException error) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                throw unreachable(error);
            }
        }

        /** The next line that is whole; the time that the handler takes is not the hub's silence. */
        private String next(InputStream body, BufferedReader lines) throws IOException {
            ScheduledFuture<?> limit = watchdog.schedule(() -> close(body), silence.toMillis(), TimeUnit.MILLISECONDS);
            try {
                StringBuilder line = new StringBuilder();
                for (int next = lines.read(); next >= 0; next = lines.read()) {
                    if (next == '\n') {
                        return line.toString();
                    }
                    line.append((char) next);
                }
                return null;
            } finally {
                limit.cancel(false);
            }
        }

        private void take(String line) throws IOException, Failed {
            JsonNode told = json.readTree(line);
            JsonNode data = told.get("data");
            String name = told.get("event").asText();
            Long id = told.get("id").isNull() ? null : told.get("id").asLong();
            if (name.equals("bye") && !data.get("reconnect").asBoolean()) {
                throw new HubException(0, data.get("reason").asText(), "the hub has ended the stream for good", Duration.ZERO, null);
            }
            if (name.equals("connect")) {
                tries.failures = tries.refusals = 0;
                silence = Duration.ofMillis((long) (MISSED_HEARTBEATS * 1000 * data.get("heartbeatSeconds").asDouble()));
            }
            boolean isGap = name.equals("connect") && data.get("gap").asBoolean();
            try {
                if (isGap || !OURS.contains(name)) {
                    handler.handle(new Event(isGap ? "gap" : name, id, data));
                }
                // A `connect` may lead back: a hub whose log was replaced counts anew.
                if (id != null && !id.equals(position)) {
                    cursor.save(id);
                    position = id;
                }
            } catch (Exception error) {
                throw new Failed(error);
            }
        }
    }

    /** An exception of the application, which ends the stream whatever it is. */
    @SuppressWarnings("serial")
    private static final class Failed extends Exception {
        private final Exception exception;

        Failed(Exception exception) {
            this.exception = exception;
        }
    }

    /** The tries of one call, or of one stream between two connections. */
    private final class Tries {
        private final Instant deadline;
        private int failures, refusals;

        Tries(Instant deadline) {
            this.deadline = deadline;
        }

        /** Waits before the next try; throws the failure if there is to be none. */
        void pause(HubException failure) throws InterruptedException {
            long most = Math.min(settings.maxDelay.toMillis(), settings.minDelay.toMillis() << Math.min(failures++, 16));
            // Random, so that many clients do not come back together.
            long pause = most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
            if (failure != null) {
                pause = Math.max(pause, failure.retryAfter().toMillis());
                boolean isRefused = failure.status() == 401;
                boolean askAgain = isRefused && settings.givesNewTokens && refusals == 0;
                refusals += isRefused ? 1 : 0;
                boolean isLate = deadline != null && Instant.now().plusMillis(pause).isAfter(deadline);
                if (isLate || !(failure.isTemporary() || askAgain)) {
                    throw failure;
                }
            }
            Thread.sleep(pause);
        }
    }

    /** A request that is sent again until it is answered, or time is up; its body and its key stay the same. */
    private JsonNode call(String method, String path, Object body, String idempotencyKey) throws InterruptedException {
        Tries tries = new Tries(Instant.now().plus(settings.giveUpAfter));
        String sent = body == null ? null : json.valueToTree(body).toString();
        while (true) {
            try {
                HttpRequest.Builder request = request(method, path, sent);
                if (idempotencyKey != null) {
                    request.header("Idempotency-Key", idempotencyKey);
                }
                HttpResponse<String> answer = send(request, BodyHandlers.ofString());
                if (answer.statusCode() >= 300) {
                    throw problem(answer, answer.body());
                }
                return answer.body().isEmpty() ? NullNode.instance : json.readTree(answer.body());
            } catch (HubException error) {
                tries.pause(error);
            } catch (IOException error) {
                throw new IllegalStateException("the hub's answer is no JSON", error);
            }
        }
    }

    private HttpRequest.Builder request(String method, String path, String body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(settings.url + path));
        request.header("Authorization", "Bearer " + settings.token.get());
        if (body == null) {
            return request.method(method, HttpRequest.BodyPublishers.noBody());
        }
        return request.header("Content-Type", "application/json").method(method, HttpRequest.BodyPublishers.ofString(body));
    }

    private <T> HttpResponse<T> send(HttpRequest.Builder request, HttpResponse.BodyHandler<T> handler) throws InterruptedException {
        var answer = http.sendAsync(request.build(), handler);
        try {
            return answer.get(settings.timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException error) {
            throw unreachable(error.getCause());
        } catch (TimeoutException error) {
            answer.cancel(true);
            throw unreachable(error);
        }
    }

    private HubException problem(HttpResponse<?> answer, String body) {
        JsonNode told = NullNode.instance;
        try {
            told = json.readTree(body);
        } catch (IOException error) {
            // Not the hub's own answer: the status says all.
        }
        String wait = answer.headers().firstValue("retry-after").filter(it -> it.matches("\\d{1,9}")).orElse("0");
        int status = answer.statusCode();
        String code = told.path("code").asText("http_" + status);
        return new HubException(status, code, told.path("detail").asText(""), Duration.ofSeconds(Long.parseLong(wait)), null);
    }

    private static HubException unreachable(Throwable cause) {
        return new HubException(0, "unreachable", "the hub gave no answer, or broke off: " + cause, Duration.ZERO, cause);
    }

    private List<Published> published(JsonNode answer) {
        return json.convertValue(answer.get("alarms"), new TypeReference<>() {});
    }

    private static String userPath(String id) {
        return "/api/users/" + encoded(id);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static void close(InputStream body) {
        try {
            body.close();
        } catch (IOException error) {
            // It is gone, as it should be.
        }
    }

    /** A thread of its own that does not keep the program alive, and forgets what is cancelled. */
    private static ScheduledExecutorService watchdog() {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "campanile-watchdog");
            thread.setDaemon(true);
            return thread;
        });
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }
}
