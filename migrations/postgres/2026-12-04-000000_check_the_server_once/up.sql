-- The trigger acts where the counter does not move, which is how each append begins. It was called at the end of each append as well,
-- and asked the server for its identity in vain.
DROP TRIGGER campanile_epoch ON log_head;
CREATE TRIGGER campanile_epoch BEFORE UPDATE ON log_head
    FOR EACH ROW WHEN (NEW.last_id = OLD.last_id OR NEW.epoch IS DISTINCT FROM OLD.epoch)
    EXECUTE FUNCTION campanile_keep_ids_unique();
