DROP INDEX users_by_role;
DROP INDEX revoked_tokens_by_expiry;
DROP INDEX alarms_in_rooms;
DROP INDEX alarms_by_type;
