-- The keys of back ends. A key is 32 random bytes, so the plain SHA-256 of it in hexadecimal digits is enough to recognise it.
-- Scopes and topics are words with spaces between them. A revoked key keeps its row, so that it can be enabled again.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT UNIQUE NOT NULL,
    digest TEXT UNIQUE NOT NULL,
    scopes TEXT NOT NULL,
    topics TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    tokens_valid_from BIGINT NOT NULL DEFAULT 0,
    last_used_at BIGINT
);

-- The number of changes of keys. A hub on a database file looks at it to hear of a change by the command line.
CREATE TABLE api_key_head (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    changes BIGINT NOT NULL
);
INSERT INTO api_key_head (id, changes) VALUES (1, 0);

-- A change of the rights of a key is signalled at the commit, whoever makes it. A use changes no right.
CREATE FUNCTION campanile_signal_api_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campanile_signal('api_keys', coalesce(NEW.id, OLD.id), '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_api_key_made AFTER INSERT OR DELETE ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campanile_signal_api_keys();
CREATE CONSTRAINT TRIGGER campanile_api_key_changed
    AFTER UPDATE OF name, digest, scopes, topics, expires_at, revoked_at, tokens_valid_from ON api_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campanile_signal_api_keys();
