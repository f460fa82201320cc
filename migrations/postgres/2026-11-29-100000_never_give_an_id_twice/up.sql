-- A server that takes over, or is restored, may lack the last rows of the one before it. Their ids were shown to clients, and must
-- not be given to other alarms. So the counter knows the server it was last used on, and jumps when it is used on another one.

-- The server's timeline and its identity. NULL where the server refuses to tell: then the counter never jumps.
CREATE FUNCTION campanile_epoch() RETURNS TEXT LANGUAGE plpgsql AS $$
BEGIN
    RETURN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || ' '
        || (SELECT system_identifier FROM pg_control_system());
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

ALTER TABLE log_head ADD COLUMN epoch TEXT;
UPDATE log_head SET epoch = campanile_epoch();

-- Every append begins with an update of the counter that changes nothing. It is there that the counter jumps: the update at the end
-- of an append has to store the ids that were given.
CREATE FUNCTION campanile_keep_ids_unique() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    here TEXT := campanile_epoch();
    given_before BIGINT := OLD.last_id;
BEGIN
    NEW.epoch := OLD.epoch;
    IF here IS NULL OR here IS NOT DISTINCT FROM OLD.epoch THEN
        RETURN NEW;
    END IF;
    IF NEW.last_id = given_before THEN
        NEW.last_id := given_before + 1048576;
        NEW.epoch := here;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER campanile_epoch BEFORE UPDATE ON log_head
    FOR EACH ROW EXECUTE FUNCTION campanile_keep_ids_unique();
