-- The hubs that live: each beats once a second. Another hub whose clock shows that a beat stood still removes the row.
CREATE TABLE hubs (
    id TEXT PRIMARY KEY NOT NULL,
    -- Another one after the hub was thought dead and came back.
    incarnation BIGINT NOT NULL,
    beat BIGINT NOT NULL,
    version TEXT NOT NULL,
    streams BIGINT NOT NULL,
    -- The alarms that were stored and not delivered here yet.
    log_lag BIGINT NOT NULL,
    -- The round trip of the bell in microseconds, where there is one.
    bell_micros BIGINT,
    -- The server that took the beat.
    server TEXT NOT NULL
);

-- What hubs answer to a question of one of them. Kept for a minute at most.
CREATE UNLOGGED TABLE answers (
    question TEXT NOT NULL,
    hub TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (question, hub)
);
