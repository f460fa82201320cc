package campanile.spring;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings of the starter.
 *
 * @param url the address of the hub
 * @param key an API key of the hub
 * @param tokenPath the path at which a signed-in user gets a token
 * @param tokenLife the life of such a token, a minute to a day
 * @param lock what locks the row that a relay begins with; empty for a database that has no such clause
 * @param every the pause between two looks at the outbox; a commit of this process is seen at once
 */
@ConfigurationProperties("campanile")
public record CampanileProperties(
        String url, String key,
        @DefaultValue("/hub-token") String tokenPath,
        @DefaultValue("1h") Duration tokenLife,
        @DefaultValue("for update skip locked") String lock,
        @DefaultValue("1s") Duration every) {}
