package campanile.spring;

import campanile.Campanile;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.*;
import org.springframework.boot.autoconfigure.jackson.JacksonAutoConfiguration;
import org.springframework.boot.autoconfigure.transaction.TransactionAutoConfiguration;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;
import org.springframework.web.servlet.DispatcherServlet;

/** Makes the hub at {@code campanile.url} known to an application. */
@AutoConfiguration(after = {TransactionAutoConfiguration.class, JacksonAutoConfiguration.class})
@ConditionalOnProperty({"campanile.url", "campanile.key"})
@EnableConfigurationProperties(CampanileProperties.class)
public class CampanileAutoConfiguration {
    /** A visitor waits for a token, and a transaction is open while an alarm is published: neither is to wait long for a hub that is away. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    @Bean
    @ConditionalOnMissingBean
    Campanile.Settings campanileSettings(CampanileProperties properties) {
        return Campanile.Settings.of(properties.url(), properties::key, false);
    }

    @Bean
    @ConditionalOnMissingBean
    Campanile campanile(Campanile.Settings settings) {
        return new Campanile(settings);
    }

    private static Campanile impatient(Campanile.Settings of) {
        return new Campanile(new Campanile.Settings(
                of.url(), of.token(), of.givesNewTokens(), PATIENCE, PATIENCE, of.minDelay(), of.maxDelay()));
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(JdbcTemplate.class)
    @ConditionalOnSingleCandidate(DataSource.class)
    @ConditionalOnBean(PlatformTransactionManager.class)
    static class WithDatabase {
        @Bean
        @ConditionalOnMissingBean
        Outbox campanileOutbox(
                Campanile.Settings settings, DataSource database, PlatformTransactionManager transactions,
                CampanileProperties properties, ObjectProvider<ObjectMapper> json) {
            TransactionTemplate transaction = new TransactionTemplate(transactions);
            return new Outbox(impatient(settings), database, transaction, properties, json.getIfAvailable(ObjectMapper::new));
        }

        @Bean
        Listening campanileListening(
                Campanile hub, DataSource database, PlatformTransactionManager transactions, List<HubListener> listeners) {
            return new Listening(hub, new JdbcTemplate(database), new TransactionTemplate(transactions), listeners);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(DispatcherServlet.class)
    @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
    static class WithWeb {
        @Bean
        HubTokenController hubTokenController(
                Campanile.Settings settings, CampanileProperties properties, ObjectProvider<HubUserId> userId) {
            return new HubTokenController(impatient(settings), properties, userId.getIfAvailable(() -> user -> user.getName()));
        }
    }
}
