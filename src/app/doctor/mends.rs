//! The lines that mend each fault. They are parts of the configurations in `docs/guide/proxies.md`.

use crate::app::doctor::report::Mend;

const GUIDE: &str = "docs/guide/proxies.md#behind-a-proxy";

pub(super) const REACH: (&str, &Mend) = (
    "reach",
    &Mend {
        nginx: "proxy_pass http://127.0.0.1:8080;",
        haproxy: "server hub 127.0.0.1:8080 proto h2 ws h1",
        caddy: "reverse_proxy 127.0.0.1:8080",
        others: GUIDE,
    },
);

pub(super) const TLS: (&str, &Mend) = (
    "tls",
    &Mend {
        nginx: "listen 443 ssl http2; ssl_certificate …; ssl_certificate_key …;",
        haproxy: "bind :443 ssl crt /etc/haproxy/hub.example.pem alpn h2,http/1.1",
        caddy: "name the site without http://, and Caddy gets a certificate",
        others: "docs/guide/proxies.md#behind-a-proxy; an authority of your own: CAMPANILE_CA_FILE",
    },
);

pub(super) const HTTP_VERSION: (&str, &Mend) = (
    "http_version",
    &Mend {
        nginx: "listen 443 ssl http2;           (from 1.25.1 on: http2 on;)",
        haproxy: "bind :443 ssl crt /etc/haproxy/hub.example.pem alpn h2,http/1.1",
        caddy: "protocols h1 h2 h3              (in servers of the global options; the default)",
        others: GUIDE,
    },
);

pub(super) const CLOCK: (&str, &Mend) = (
    "clock",
    &Mend {
        nginx: "on the machines: timedatectl set-ntp true",
        haproxy: "on the machines: timedatectl set-ntp true",
        caddy: "on the machines: timedatectl set-ntp true",
        others: "run an NTP client on the hub, on the proxy and here",
    },
);

pub(super) const TOKEN: (&str, &Mend) = (
    "token",
    &Mend {
        nginx: "no setting of the proxy: campanile token check - explains the token",
        haproxy: "no setting of the proxy: campanile token check - explains the token",
        caddy: "no setting of the proxy: campanile token check - explains the token",
        others: "docs/reference/api.md#identity",
    },
);

pub(super) const REQUEST_HEADERS: (&str, &Mend) = (
    "request_headers",
    &Mend {
        nginx: "remove proxy_set_header Authorization, Accept, Last-Event-ID or X-Request-Id and proxy_pass_request_headers off",
        haproxy: "remove http-request del-header of Authorization, Accept, Last-Event-ID or X-Request-Id",
        caddy: "remove request_header -Authorization and the like, also as header_up in reverse_proxy",
        others: GUIDE,
    },
);

pub(super) const RESPONSE_HEADERS: (&str, &Mend) = (
    "response_headers",
    &Mend {
        nginx: "remove proxy_hide_header, and add_header of what the hub sends itself",
        haproxy: "remove http-response del-header, and http-response add-header of what the hub sends itself",
        caddy: "remove header_down, and header of what the hub sends itself",
        others: GUIDE,
    },
);

pub(super) const FORWARDED: (&str, &Mend) = (
    "forwarded",
    &Mend {
        nginx: "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;",
        haproxy: "http-request set-header X-Forwarded-Proto https   (and no http-request set-header Host)",
        caddy: "no header_up of Host or X-Forwarded-Proto: reverse_proxy passes both on by default",
        others: "docs/guide/proxies.md#behind-a-proxy, or set CAMPANILE_PUBLIC_URL and CAMPANILE_TRUSTED_PROXIES of the hub",
    },
);

pub(super) const COOKIES: (&str, &Mend) = (
    "cookies",
    &Mend {
        nginx: "remove proxy_set_header Cookie",
        haproxy: "remove http-request del-header Cookie",
        caddy: "remove request_header -Cookie, also as header_up in reverse_proxy",
        others: GUIDE,
    },
);

pub(super) const CORS: (&str, &Mend) = (
    "cors",
    &Mend {
        nginx: "remove add_header Access-Control-Allow-…: the hub answers for CAMPANILE_CORS_ORIGINS",
        haproxy: "remove http-response set-header Access-Control-Allow-…",
        caddy: "remove header Access-Control-Allow-…",
        others: "docs/guide/embedding.md",
    },
);

pub(super) const COMPRESSION: (&str, &Mend) = (
    "compression",
    &Mend {
        nginx: "gzip off;                       (or leave text/event-stream out of gzip_types)",
        haproxy: "remove compression algo, or leave text/event-stream out of compression type",
        caddy: "remove encode, or match text/event-stream out of it",
        others: GUIDE,
    },
);

pub(super) const BUFFERING: (&str, &Mend) = (
    "buffering",
    &Mend {
        nginx: "proxy_buffering off;            (and no proxy_ignore_headers X-Accel-Buffering)",
        haproxy: "no http-response wait-for-body, and no filter that collects the answer",
        caddy: "no buffer_responses in reverse_proxy (from 2.7 on: response_buffers); flush_interval 10ms for NDJSON",
        others: GUIDE,
    },
);

pub(super) const IDLE: (&str, &Mend) = (
    "idle",
    &Mend {
        nginx: "proxy_read_timeout 75s;",
        haproxy: "timeout client 75s / timeout server 75s / timeout tunnel 75s",
        caddy: "no read_timeout in transport http of reverse_proxy",
        others: GUIDE,
    },
);

pub(super) const WEBSOCKET: (&str, &Mend) = (
    "websocket",
    &Mend {
        nginx: "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;",
        haproxy: "server hub 127.0.0.1:8080 proto h2 ws h1",
        caddy: "@upgrade header Upgrade websocket / reverse_proxy @upgrade 127.0.0.1:8080",
        others: GUIDE,
    },
);

pub(super) const BODY_LIMIT: (&str, &Mend) = (
    "body_limit",
    &Mend {
        nginx: "client_max_body_size 1m;",
        haproxy: "no http-request deny by req.body_size below 1048576",
        caddy: "max_size 1MiB                   (in request_body)",
        others: GUIDE,
    },
);
