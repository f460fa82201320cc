package campanile.spring;

import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.springframework.context.ApplicationContext;
import org.springframework.http.HttpHeaders;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.web.access.intercept.AuthorizationFilter;
import org.springframework.web.util.UrlPathHelper;

/**
 * Has each filter chain answer 401 where a page without sign-in asks for a token. The chain would lead the script to the sign-in page, and the user,
 * once signed in, to the token. A signed-in user is subject to the application's own rules.
 */
final class HubTokenConfigurer extends AbstractHttpConfigurer<HubTokenConfigurer, HttpSecurity> {
    @Override
    public void configure(HttpSecurity http) {
        ApplicationContext context = http.getSharedObject(ApplicationContext.class);
        context.getBeanProvider(CampanileProperties.class).ifAvailable(
                properties -> http.addFilterBefore(refusal(properties.tokenPath()), AuthorizationFilter.class));
    }

    private static Filter refusal(String path) {
        return (request, response, chain) -> {
            HttpServletRequest asked = (HttpServletRequest) request;
            if (asked.getUserPrincipal() != null || !UrlPathHelper.defaultInstance.getPathWithinApplication(asked).equals(path)) {
                chain.doFilter(request, response);
                return;
            }
            HttpServletResponse answer = (HttpServletResponse) response;
            answer.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
            answer.setStatus(HttpServletResponse.SC_UNAUTHORIZED);
        };
    }
}
