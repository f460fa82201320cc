-- True if the log was last written on this server. A session that has seen it need not ask again: a server that takes writes keeps its
-- timeline for as long as it runs. Where the server refuses to tell, nothing is known against it.
CREATE FUNCTION campanile_is_of_this_server(log_epoch TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    here TEXT;
BEGIN
    IF current_setting('campanile.epoch', true) = coalesce(log_epoch, 'none') THEN
        RETURN true;
    END IF;
    here := campanile_epoch();
    IF here IS NOT NULL AND here IS DISTINCT FROM log_epoch THEN
        RETURN false;
    END IF;
    PERFORM set_config('campanile.epoch', coalesce(log_epoch, 'none'), false);
    RETURN true;
END
$$;

-- Appends a batch of alarms in one statement, which is a transaction of its own and one round trip: most batches name nothing that has
-- to be decided on. Returns the end of the log before it. Returns NULL, and adds nothing, if there is something to decide: a user or a
-- room that does not exist, a request or a message that may be a repetition, a log that was last written on another server.
-- The lock on the log comes first. Each statement of this function sees what was committed before it began, so those behind the lock
-- see all that was committed before the lock was taken; with another isolation level they would not. The limit inside of each LATERAL
-- makes the planner look each thing up by its index, whatever it thinks of the sizes.
CREATE FUNCTION campanile_append(
    named_users TEXT[], named_rooms TEXT[],
    named_topics TEXT[], named_senders TEXT[], named_client_ids TEXT[],
    new_publishers TEXT[], new_keys TEXT[], new_body_hashes TEXT[], new_first_places BIGINT[], new_alarm_counts BIGINT[],
    known_since BIGINT, this_moment BIGINT,
    new_topics TEXT[], new_types TEXT[], new_senders TEXT[], new_targets TEXT[], new_data TEXT[], new_urls TEXT[],
    new_client_ids TEXT[], new_creations BIGINT[], new_expiries BIGINT[]
) RETURNS BIGINT LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    added CONSTANT BIGINT := cardinality(new_topics);
    end_before BIGINT;
    log_epoch TEXT;
    is_plain BOOLEAN;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '5s', true);
    UPDATE log_head SET last_id = last_id + added RETURNING last_id - added, epoch INTO end_before, log_epoch;
    is_plain := campanile_is_of_this_server(log_epoch);
    IF is_plain AND cardinality(named_users) > 0 THEN
        is_plain := cardinality(named_users) = (SELECT count(*) FROM unnest((SELECT named_users)) AS named (id)
            CROSS JOIN LATERAL (SELECT 1 FROM users WHERE users.id = named.id LIMIT 1) AS there);
    END IF;
    IF is_plain AND cardinality(named_rooms) > 0 THEN
        is_plain := cardinality(named_rooms) = (SELECT count(*) FROM unnest((SELECT named_rooms)) AS named (id)
            CROSS JOIN LATERAL (SELECT 1 FROM rooms WHERE rooms.id = named.id LIMIT 1) AS there);
    END IF;
    IF is_plain AND cardinality(new_keys) > 0 THEN
        is_plain := NOT EXISTS (SELECT 1 FROM unnest((SELECT new_publishers), (SELECT new_keys)) AS new (publisher, key)
            CROSS JOIN LATERAL (SELECT 1 FROM idempotency_keys AS earlier WHERE earlier.publisher = new.publisher
                AND earlier.idempotency_key = new.key AND earlier.created_at >= known_since LIMIT 1) AS there);
    END IF;
    IF is_plain AND cardinality(named_client_ids) > 0 THEN
        is_plain := NOT EXISTS (SELECT 1
            FROM unnest((SELECT named_topics), (SELECT named_senders), (SELECT named_client_ids)) AS named (topic, sender, client_id)
            CROSS JOIN LATERAL (SELECT 1 FROM alarms WHERE alarms.topic = named.topic AND alarms.from_user_id = named.sender
                AND alarms.client_id = named.client_id LIMIT 1) AS there);
    END IF;
    IF NOT is_plain THEN
        -- Nobody waits for this commit: it stores nothing.
        PERFORM set_config('synchronous_commit', 'off', true);
        UPDATE log_head SET last_id = end_before;
        RETURN NULL;
    END IF;
    -- A key that is there already is too old to be recognised.
    IF cardinality(new_keys) > 0 THEN
        INSERT INTO idempotency_keys (publisher, idempotency_key, body_hash, first_id, alarm_count, created_at)
            SELECT new.publisher, new.key, new.body_hash, end_before + new.first_place, new.alarm_count, this_moment
            FROM unnest((SELECT new_publishers), (SELECT new_keys), (SELECT new_body_hashes),
                (SELECT new_first_places), (SELECT new_alarm_counts)) AS new (publisher, key, body_hash, first_place, alarm_count)
            ON CONFLICT (publisher, idempotency_key) DO UPDATE SET body_hash = excluded.body_hash,
                first_id = excluded.first_id, alarm_count = excluded.alarm_count, created_at = excluded.created_at;
    END IF;
    INSERT INTO alarms (id, topic, alarm_type, from_user_id, target_id, data, url, client_id, created_at, expires_at)
        SELECT end_before + new.place, new.topic, new.type, new.sender, new.target, new.data, new.url, new.client_id, new.creation, new.expiry
        FROM unnest((SELECT new_topics), (SELECT new_types), (SELECT new_senders), (SELECT new_targets), (SELECT new_data),
            (SELECT new_urls), (SELECT new_client_ids), (SELECT new_creations), (SELECT new_expiries))
            WITH ORDINALITY AS new (topic, type, sender, target, data, url, client_id, creation, expiry, place);
    RETURN end_before;
END
$$;
