-- The streams of a user at a hub, where they are many: together they may be no more than one user may have. A crash of the server
-- empties it, and each hub writes its rows again.
CREATE UNLOGGED TABLE stream_counts (
    hub TEXT NOT NULL,
    incarnation BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    streams INTEGER NOT NULL,
    PRIMARY KEY (hub, user_id)
);

-- As before, and notes the streams of users: "streams":[[user,now,before],…]. Hubs of an earlier version tell none.
CREATE OR REPLACE FUNCTION campanile_presence(of_hub TEXT, of_incarnation BIGINT, is_all BOOLEAN, change TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM 1 FROM hubs WHERE id = of_hub AND incarnation = of_incarnation FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    IF is_all THEN
        DELETE FROM presence WHERE hub = of_hub;
        DELETE FROM stream_counts WHERE hub = of_hub;
    ELSE
        DELETE FROM presence USING jsonb_array_elements(change::jsonb -> 'left') AS one
            WHERE hub = of_hub AND room = one ->> 0 AND user_id = one ->> 1;
    END IF;
    INSERT INTO presence (hub, incarnation, room, user_id)
        SELECT of_hub, of_incarnation, one ->> 0, one ->> 1 FROM jsonb_array_elements(change::jsonb -> 'joined') AS one
        ON CONFLICT DO NOTHING;
    DELETE FROM stream_counts USING jsonb_array_elements(change::jsonb -> 'streams') AS one
        WHERE hub = of_hub AND user_id = one ->> 0;
    INSERT INTO stream_counts (hub, incarnation, user_id, streams)
        SELECT of_hub, of_incarnation, one ->> 0, (one ->> 1)::INTEGER FROM jsonb_array_elements(change::jsonb -> 'streams') AS one
        WHERE (one ->> 1)::INTEGER > 0;
    PERFORM campanile_signal('presence', of_hub, CASE WHEN is_all OR length(change) > 65536 THEN '' ELSE change END);
    RETURN TRUE;
END
$$;

-- As before, and the streams go with the lease.
CREATE OR REPLACE FUNCTION campanile_end_lease(of_hub TEXT, of_incarnation BIGINT, last_beat BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM hubs WHERE id = of_hub AND (last_beat IS NULL OR (incarnation = of_incarnation AND beat = last_beat));
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;
    DELETE FROM presence WHERE hub = of_hub;
    DELETE FROM stream_counts WHERE hub = of_hub;
    PERFORM campanile_signal('gone', of_hub, '');
    RETURN TRUE;
END
$$;
