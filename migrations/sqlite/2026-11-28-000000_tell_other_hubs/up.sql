-- The number of times a user was disconnected from all hubs. A stream that was opened at a lower number has to end.
ALTER TABLE users ADD COLUMN kicks BIGINT NOT NULL DEFAULT 0;
