-- Signals that are sent after the commit of the transaction that left them. The counter of the signals stays locked until the commit
-- of a transaction that sends: one that waits for its disk and for a standby would have all others wait. A row is seen when it is
-- committed, and the next hub that looks sends it if the one that left it is gone. A crash of the server may empty this table too.
-- Its sequence is logged: one of an unlogged table cannot be read on a standby that takes over.
CREATE SEQUENCE unsent_signals_order;
CREATE UNLOGGED TABLE unsent_signals (
    id BIGINT NOT NULL DEFAULT nextval('unsent_signals_order'),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    left_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Sends what was left, in order, and returns the number. The counter is locked first: of two changes of a user that are committed one
-- after the other, the statement that finds the second finds the first, too, unless it was sent.
CREATE FUNCTION campanile_send_signals() RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
    sent BIGINT;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM unsent_signals) THEN
        RETURN 0;
    END IF;
    INSERT INTO signal_head AS head (id, incarnation, last_id) VALUES (1, gen_random_uuid()::text, 0)
        ON CONFLICT (id) DO UPDATE SET last_id = head.last_id
        RETURNING last_id INTO last;
    WITH taken AS (DELETE FROM unsent_signals RETURNING id, kind, subject, detail)
    INSERT INTO signals (id, kind, subject, detail)
        SELECT last + row_number() OVER (ORDER BY id), kind, subject, detail FROM taken;
    GET DIAGNOSTICS sent = ROW_COUNT;
    UPDATE signal_head SET last_id = last + sent;
    RETURN sent;
END
$$;

-- An older hub sends within its transaction, after what was left before.
CREATE OR REPLACE FUNCTION campanile_signal_marks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change TEXT := coalesce(current_setting('campanile.change', true), '');
BEGIN
    IF change <> '' THEN
        PERFORM campanile_send_signals();
        PERFORM campanile_signal('state', NEW.id, NEW.marks::text || ' ' || change);
    END IF;
    RETURN NULL;
END
$$;
