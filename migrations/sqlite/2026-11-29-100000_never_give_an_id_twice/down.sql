ALTER TABLE log_head DROP COLUMN epoch;
