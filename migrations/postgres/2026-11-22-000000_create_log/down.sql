DROP TABLE revoked_tokens;
DROP TABLE idempotency_keys;
DROP TABLE rooms;
DROP TABLE users;
DROP TABLE receipts;
DROP TABLE alarms;
DROP TABLE log_head;
