package campanile.spring;

import java.security.Principal;

/** Gives the id that a signed-in user has at the hub; a bean of it replaces {@link Principal#getName()}. */
public interface HubUserId {
    String of(Principal user);
}
