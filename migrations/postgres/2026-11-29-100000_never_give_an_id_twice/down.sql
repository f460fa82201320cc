DROP TRIGGER campanile_epoch ON log_head;
DROP FUNCTION campanile_keep_ids_unique();
DROP FUNCTION campanile_epoch();
ALTER TABLE log_head DROP COLUMN epoch;
