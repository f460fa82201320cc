CREATE INDEX receipts_by_alarm ON receipts (alarm_id);
DROP INDEX receipts_by_alarm_and_user;
DROP INDEX users_by_role;
DROP INDEX revoked_tokens_by_expiry;
DROP INDEX alarms_in_rooms;
DROP INDEX alarms_by_type;
