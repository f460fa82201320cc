ALTER TABLE log_head DROP COLUMN account_changes;
