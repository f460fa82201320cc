CREATE OR REPLACE FUNCTION campanile_presence(of_hub TEXT, of_incarnation BIGINT, is_all BOOLEAN, change TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM 1 FROM hubs WHERE id = of_hub AND incarnation = of_incarnation FOR KEY SHARE;
    IF NOT FOUND THEN
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

CREATE OR REPLACE FUNCTION campanile_end_lease(of_hub TEXT, of_incarnation BIGINT, last_beat BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM hubs WHERE id = of_hub AND (last_beat IS NULL OR (incarnation = of_incarnation AND beat = last_beat));
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    DELETE FROM presence WHERE hub = of_hub;
    PERFORM campanile_signal('gone', of_hub, '');
    RETURN TRUE;
END
$$;

DROP TABLE stream_counts;
