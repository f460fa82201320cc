-- The number of changes of the marks seen, read and deleted in an inbox. A state event carries it, so that a client never goes
-- back to an older state.
ALTER TABLE users ADD COLUMN marks BIGINT NOT NULL DEFAULT 0;

-- Tells all hubs what a transaction changed in an inbox, at its commit: as its last lock, and in no step of its own, so that a
-- hub which stops halfway does not hold the counter of the signals. The transaction says what it changed in a setting of its own.
CREATE FUNCTION campanile_signal_marks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change TEXT := coalesce(current_setting('campanile.change', true), '');
BEGIN
    IF change <> '' THEN
        PERFORM campanile_signal('state', NEW.id, NEW.marks::text || ' ' || change);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_marks AFTER UPDATE OF marks ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.marks IS DISTINCT FROM NEW.marks)
    EXECUTE FUNCTION campanile_signal_marks();
