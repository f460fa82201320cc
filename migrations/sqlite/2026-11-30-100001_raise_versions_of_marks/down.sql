ALTER TABLE log_head DROP COLUMN marks_base;
