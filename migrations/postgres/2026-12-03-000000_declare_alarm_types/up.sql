-- The types of alarms that were declared: a JSON Schema of their data, and words for people as a JSON object by language.
CREATE TABLE alarm_types (
    alarm_type TEXT PRIMARY KEY NOT NULL,
    data_schema TEXT,
    words TEXT NOT NULL,
    -- The bytes of both, whose sum is bounded.
    bytes BIGINT NOT NULL
);

-- The number of changes. A change locks this row first, so that the bounds hold.
CREATE TABLE alarm_type_head (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    changes BIGINT NOT NULL
);
INSERT INTO alarm_type_head (id, changes) VALUES (1, 0);

-- A change is signalled at the commit, whoever makes it.
CREATE FUNCTION campanile_signal_alarm_types() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campanile_signal('alarm_types', coalesce(NEW.alarm_type, OLD.alarm_type), '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_alarm_types AFTER INSERT OR UPDATE OR DELETE ON alarm_types
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campanile_signal_alarm_types();
