-- The number of times a user was disconnected from all hubs. A stream that was opened at a lower number has to end.
ALTER TABLE users ADD COLUMN kicks BIGINT NOT NULL DEFAULT 0;

-- Signals tell the other hubs what is not in the log. They are kept for a minute, and a crash of the server may empty both
-- tables: the durable truth is in users and revoked_tokens, and a hub that misses a signal reads it there.
CREATE UNLOGGED TABLE signals (
    id BIGINT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- The counter of signals. It has another incarnation after it was emptied.
CREATE UNLOGGED TABLE signal_head (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    incarnation TEXT NOT NULL,
    last_id BIGINT NOT NULL
);
INSERT INTO signal_head (id, incarnation, last_id) VALUES (1, gen_random_uuid()::text, 0);

-- Adds a signal. The lock on the counter lasts until the commit, so the ids are dense and in commit order.
CREATE FUNCTION campanile_signal(signal_kind TEXT, signal_subject TEXT, signal_detail TEXT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    next_id BIGINT;
BEGIN
    INSERT INTO signal_head AS head (id, incarnation, last_id) VALUES (1, gen_random_uuid()::text, 1)
        ON CONFLICT (id) DO UPDATE SET last_id = head.last_id + 1
        RETURNING last_id INTO next_id;
    INSERT INTO signals (id, kind, subject, detail) VALUES (next_id, signal_kind, signal_subject, signal_detail);
    RETURN next_id;
END
$$;

-- Rights are signalled by triggers, so that a change is told whoever makes it: an older hub, the command line, a person with a
-- SQL shell. The triggers run at the commit: the counter is the last lock a transaction takes.
CREATE FUNCTION campanile_signal_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campanile_signal('rights', NEW.id, '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_rights AFTER UPDATE OF role, disabled_at, tokens_valid_from, kicks ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.disabled_at IS DISTINCT FROM NEW.disabled_at
        OR OLD.tokens_valid_from IS DISTINCT FROM NEW.tokens_valid_from OR OLD.kicks IS DISTINCT FROM NEW.kicks)
    EXECUTE FUNCTION campanile_signal_rights();

CREATE FUNCTION campanile_signal_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campanile_signal('revoked', NEW.token_id, NEW.expires_at::text);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_revoked AFTER INSERT ON revoked_tokens
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campanile_signal_revoked();
