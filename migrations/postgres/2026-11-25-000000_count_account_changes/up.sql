-- How often accounts were changed, so that a hub knows with one look at this row that what it remembers of them still holds.
ALTER TABLE log_head ADD COLUMN account_changes BIGINT NOT NULL DEFAULT 0;
