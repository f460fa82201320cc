package campanile.spring;

import campanile.Campanile;
import campanile.HubException;
import java.security.Principal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.CacheControl;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Gives the page of a signed-in user a token for that user: 401 if nobody is signed in, 503 if the hub gives none. */
@RestController
class HubTokenController {
    private static final Logger LOG = LoggerFactory.getLogger(HubTokenController.class);
    private final Campanile hub;
    private final CampanileProperties properties;
    private final HubUserId userId;

    HubTokenController(Campanile hub, CampanileProperties properties, HubUserId userId) {
        this.hub = hub;
        this.properties = properties;
        this.userId = userId;
    }

    /** The user is the one whom the servlet container or Spring Security has authenticated, never one whom the request names. */
    @GetMapping("${campanile.token-path:/hub-token}")
    ResponseEntity<String> token(Principal user) throws InterruptedException {
        if (user == null) {
            return answer(HttpStatus.UNAUTHORIZED).build();
        }
        try {
            String token = hub.token(userId.of(user), properties.tokenLife()).token();
            return answer(HttpStatus.OK).contentType(MediaType.TEXT_PLAIN).body(token);
        } catch (HubException error) {
            LOG.warn("no token for {}: {}", user.getName(), error.getMessage());
            return answer(HttpStatus.SERVICE_UNAVAILABLE).build();
        }
    }

    private static ResponseEntity.BodyBuilder answer(HttpStatus status) {
        return ResponseEntity.status(status).cacheControl(CacheControl.noStore());
    }
}
