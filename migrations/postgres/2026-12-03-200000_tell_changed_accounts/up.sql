-- Tells which accounts a counted change is about, so that the other hubs forget these alone. A transaction names them in a setting of its
-- own, with the count. Where it names none for a count (an older hub, a person with a SQL shell, too many, another change in the same
-- transaction), the count rises without a signal, and the others forget all. At the commit, as the counter of the signals is the last lock
-- that a transaction takes.
CREATE FUNCTION campanile_signal_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named TEXT := coalesce(current_setting('campanile.accounts', true), '');
    counted TEXT := NEW.account_changes::text;
BEGIN
    IF starts_with(named, counted || ' ') THEN
        PERFORM campanile_signal('accounts', counted, substr(named, length(counted) + 2));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_accounts AFTER UPDATE OF account_changes ON log_head
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.account_changes IS DISTINCT FROM NEW.account_changes)
    EXECUTE FUNCTION campanile_signal_accounts();
