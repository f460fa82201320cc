-- Times are milliseconds since the Unix epoch.

-- The counter every alarm takes its id from, updated in the transaction that stores the alarm.
CREATE TABLE log_head (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    last_id BIGINT NOT NULL,
    pruned_up_to BIGINT NOT NULL
);
INSERT INTO log_head (id, last_id, pruned_up_to) VALUES (1, 0, 0);

CREATE TABLE alarms (
    id INTEGER PRIMARY KEY NOT NULL,
    topic TEXT NOT NULL,
    alarm_type TEXT NOT NULL,
    from_user_id TEXT,
    target_id TEXT,
    data TEXT NOT NULL,
    url TEXT,
    client_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
-- Covers counting: the figures of an inbox never touch the rows themselves.
CREATE INDEX alarms_by_topic ON alarms (topic, id, expires_at);
CREATE INDEX alarms_by_target ON alarms (topic, target_id, alarm_type) WHERE target_id IS NOT NULL;
CREATE UNIQUE INDEX alarms_by_client_id ON alarms (topic, from_user_id, client_id) WHERE client_id IS NOT NULL;

-- What one user did with one alarm. No row: neither seen, read nor deleted.
CREATE TABLE receipts (
    user_id TEXT NOT NULL,
    alarm_id BIGINT NOT NULL,
    seen_at BIGINT,
    read_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (user_id, alarm_id)
) WITHOUT ROWID;
CREATE INDEX receipts_by_alarm ON receipts (alarm_id);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    -- Alarms for everyone or a role up to this id are older than the account.
    inbox_start BIGINT NOT NULL,
    -- Everything in the inbox up to these ids is seen, and read: nothing below them is counted again.
    seen_up_to BIGINT NOT NULL,
    read_up_to BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Tokens issued earlier are refused: the role changed since.
    tokens_valid_from BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE rooms (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    publisher TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    first_id BIGINT NOT NULL,
    alarm_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (publisher, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE revoked_tokens (
    token_id TEXT PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);
