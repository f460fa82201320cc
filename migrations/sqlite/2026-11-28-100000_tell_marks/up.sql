-- The number of changes of the marks seen, read and deleted in an inbox. A state event carries it, so that a client never goes
-- back to an older state.
ALTER TABLE users ADD COLUMN marks BIGINT NOT NULL DEFAULT 0;
