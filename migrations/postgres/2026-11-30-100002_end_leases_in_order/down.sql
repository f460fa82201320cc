CREATE OR REPLACE FUNCTION campanile_presence(of_hub TEXT, of_incarnation BIGINT, is_all BOOLEAN, change TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM hubs WHERE id = of_hub AND incarnation = of_incarnation) THEN
        RETURN FALSE;
    END IF;
    IF is_all THEN
        DELETE FROM presence WHERE hub = of_hub;
    ELSE
        DELETE FROM presence USING jsonb_array_elements(change::jsonb -> 'left') AS one
            WHERE hub = of_hub AND room = one ->> 0 AND user_id = one ->> 1;
    END IF;
    INSERT INTO presence (hub, incarnation, room, user_id)
        SELECT of_hub, of_incarnation, one ->> 0, one ->> 1 FROM jsonb_array_elements(change::jsonb -> 'joined') AS one
        ON CONFLICT DO NOTHING;
    PERFORM campanile_signal('presence', of_hub, CASE WHEN is_all OR length(change) > 65536 THEN '' ELSE change END);
    RETURN TRUE;
END
$$;
DROP FUNCTION campanile_end_lease(TEXT, BIGINT, BIGINT);
