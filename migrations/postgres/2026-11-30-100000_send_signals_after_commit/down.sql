CREATE OR REPLACE FUNCTION campanile_signal_marks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change TEXT := coalesce(current_setting('campanile.change', true), '');
BEGIN
    IF change <> '' THEN
        PERFORM campanile_signal('state', NEW.id, NEW.marks::text || ' ' || change);
    END IF;
    RETURN NULL;
END
$$;
DROP FUNCTION campanile_send_signals();
DROP TABLE unsent_signals;
DROP SEQUENCE unsent_signals_order;
