-- A database as version 0.1.0 left it: its schema and some rows of each table. The alarms are of the year 2100, so that none is pruned.
-- Times are milliseconds since the Unix epoch.

-- The counter every alarm takes its id from, updated in the transaction that stores the alarm.
CREATE TABLE log_head (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    last_id BIGINT NOT NULL,
    pruned_up_to BIGINT NOT NULL
);
INSERT INTO log_head (id, last_id, pruned_up_to) VALUES (1, 0, 0);

CREATE TABLE alarms (
    id BIGINT PRIMARY KEY NOT NULL,
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
);
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
-- How often accounts were changed, so that a hub knows with one look at this row that what it remembers of them still holds.
ALTER TABLE log_head ADD COLUMN account_changes BIGINT NOT NULL DEFAULT 0;
CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
INSERT INTO __diesel_schema_migrations (version) VALUES ('20261122000000'), ('20261125000000');
INSERT INTO users (id, display_name, role, password_hash, inbox_start, seen_up_to, read_up_to, created_at, tokens_valid_from, disabled_at) VALUES
    ('admin', 'admin', 'admin', NULL, 0, 0, 0, 1795600000000, 0, NULL),
    ('bob', 'Bob B.', 'user', '$argon2id$v=19$m=19456,t=2,p=1$ZHK5LMnBFkQEymBuGubK9w$pcCLIhT3m597FW0/DcHbV1WOupwnfgptlutS5iESqww', 0, 1, 1, 1795600001000, 0, NULL),
    ('eve', 'eve', 'user', NULL, 0, 0, 0, 1795600002000, 0, 1795600003000);
INSERT INTO rooms (id, name, created_at) VALUES ('42', 'Room 42', 1795600004000);
INSERT INTO alarms (id, topic, alarm_type, from_user_id, target_id, data, url, client_id, created_at, expires_at) VALUES
    (1, 'user:bob', 'OLD', NULL, NULL, 'null', NULL, NULL, 4102444800000, NULL),
    (2, 'everyone', 'NEWS', NULL, '17', '{"title":"Hello"}', '/news/17', NULL, 4102444800000, NULL),
    (3, 'room:42', 'CHAT', 'bob', NULL, '{"text":"Hi"}', NULL, 'c1', 4102444800000, NULL),
    (4, 'user:bob', 'NEW', 'admin', NULL, '{"n":1.50}', NULL, NULL, 4102444800000, NULL);
INSERT INTO receipts (user_id, alarm_id, seen_at, read_at, deleted_at) VALUES ('bob', 1, 1795600005000, 1795600005000, NULL), ('bob', 2, NULL, NULL, 1795600005000);
INSERT INTO revoked_tokens (token_id, expires_at) VALUES ('revoked-before', 4102444800000);
UPDATE log_head SET last_id = 4, account_changes = 3;
