DROP TRIGGER campanile_epoch ON log_head;
CREATE TRIGGER campanile_epoch BEFORE UPDATE ON log_head
    FOR EACH ROW EXECUTE FUNCTION campanile_keep_ids_unique();
