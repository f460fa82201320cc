-- Tells which accounts a counted change is about, so that the other hubs forget these alone. A transaction names them in a setting of its
-- own. Where it names none (an older hub, a person with a SQL shell, too many), the count rises without a signal, and the others forget
-- all. At the commit, as the counter of the signals is the last lock a transaction takes.
CREATE FUNCTION campanile_signal_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    accounts TEXT := coalesce(current_setting('campanile.accounts', true), '');
BEGIN
    IF accounts <> '' THEN
        PERFORM campanile_signal('accounts', NEW.account_changes::text, accounts);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_accounts AFTER UPDATE OF account_changes ON log_head
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.account_changes IS DISTINCT FROM NEW.account_changes)
    EXECUTE FUNCTION campanile_signal_accounts();
