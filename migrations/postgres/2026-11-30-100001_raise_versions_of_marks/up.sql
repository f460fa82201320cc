-- Added to the number of changes of each user's marks. A server that takes over, or is restored, may lack the last changes, whose
-- versions were told to streams; so where the ids of the log jump, all versions do.
ALTER TABLE log_head ADD COLUMN marks_base BIGINT NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION campanile_keep_ids_unique() RETURNS trigger LANGUAGE plpgsql AS $$
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
        NEW.marks_base := OLD.marks_base + 1048576;
        NEW.epoch := here;
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION campanile_signal_marks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change TEXT := coalesce(current_setting('campanile.change', true), '');
BEGIN
    IF change <> '' THEN
        PERFORM campanile_send_signals();
        PERFORM campanile_signal('state', NEW.id, (NEW.marks + marks_base)::text || ' ' || change) FROM log_head;
    END IF;
    RETURN NULL;
END
$$;
