-- One type of alarm in an inbox, newest first.
CREATE INDEX alarms_by_type ON alarms (topic, alarm_type, id);

-- The alarms of all rooms together, for a stream that subscribes to every room. The condition is repeated word by word in the
-- queries, as the databases compare the text.
CREATE INDEX alarms_in_rooms ON alarms (id) WHERE substr(topic, 1, 5) = 'room:';

-- Revocations that have expired, for pruning.
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- The accounts of a role.
CREATE INDEX users_by_role ON users (role);

-- One user's receipt of an alarm that has many, and the receipts of an alarm in the order in which they are pruned.
CREATE INDEX receipts_by_alarm_and_user ON receipts (alarm_id, user_id);
DROP INDEX receipts_by_alarm;
