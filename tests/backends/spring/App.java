package drill;

import campanile.Event;
import campanile.NewAlarm;
import campanile.spring.HubListener;
import campanile.spring.Outbox;
import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** An application that writes orders and publishes an alarm for each, and writes down what it hears. */
@SpringBootApplication
@RestController
public class App {
    private final JdbcTemplate jdbc;
    private final Outbox outbox;

    App(JdbcTemplate jdbc, Outbox outbox) {
        this.jdbc = jdbc;
        this.outbox = outbox;
    }

    public static void main(String[] arguments) {
        SpringApplication.run(App.class, arguments);
    }

    @PostMapping("/orders/{n}")
    @Transactional
    public void order(@PathVariable int n, @RequestParam(defaultValue = "bob") String user, @RequestParam(defaultValue = "false") boolean fails) {
        jdbc.update("insert into orders (n, recipient) values (?, ?)", n, user);
        outbox.publish(NewAlarm.toUser(user, "DRILL").withTargetId("17").withData(Map.of("n", n)));
        if (fails) {
            throw new IllegalStateException("as the test asks");
        }
    }

    @GetMapping("/facts")
    public Map<String, Object> facts() {
        return Map.of(
                "orders", jdbc.queryForList("select n from orders where recipient = 'bob' order by id", Integer.class),
                "heard", jdbc.queryForList("select n from heard order by id", Integer.class),
                "waiting", jdbc.queryForObject("select count(*) from campanile_outbox where refused is null", Integer.class),
                "refused", jdbc.queryForList("select refused from campanile_outbox where refused is not null", String.class),
                "cursors", jdbc.queryForObject("select count(*) from campanile_cursor", Integer.class));
    }

    /** Everybody may do everything, so that the starter alone refuses a token. */
    @Bean
    static SecurityFilterChain open(HttpSecurity http) throws Exception {
        return http.csrf(csrf -> csrf.disable()).authorizeHttpRequests(requests -> requests.anyRequest().permitAll()).build();
    }

    @Bean
    static HubListener listener(JdbcTemplate jdbc) {
        return new HubListener() {
            @Override
            public String name() {
                return "drill";
            }

            @Override
            public List<String> topics() {
                return List.of("user:bob");
            }

            @Override
            public void handle(Event event) {
                if (event.event().equals("alarm")) {
                    jdbc.update("insert into heard (n) values (?)", event.data().get("data").get("n").asInt());
                }
            }
        };
    }
}
