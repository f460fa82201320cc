-- One type of alarm in an inbox, newest first.
CREATE INDEX alarms_by_type ON alarms (topic, alarm_type, id);

-- The alarms of all rooms together, for a stream that subscribes to every room. The condition is repeated word by word in the
-- queries, as the databases compare the text.
CREATE INDEX alarms_in_rooms ON alarms (id) WHERE substr(topic, 1, 5) = 'room:';

-- Revocations that have expired, for pruning.
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- The accounts of a role.
CREATE INDEX users_by_role ON users (role);
