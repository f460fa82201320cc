-- Added to the number of changes of a user's marks. On a file it stays.
ALTER TABLE log_head ADD COLUMN marks_base BIGINT NOT NULL DEFAULT 0;
