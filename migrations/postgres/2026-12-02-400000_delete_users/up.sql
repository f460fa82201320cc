-- Tokens issued up to this time are refused: somebody signed the user out everywhere. 0: nobody did.
ALTER TABLE users ADD COLUMN signed_out_at BIGINT NOT NULL DEFAULT 0;

-- Alarms of the account's own topic up to this id are those of a deleted account of the same id.
ALTER TABLE users ADD COLUMN own_start BIGINT NOT NULL DEFAULT 0;

-- The ids of deleted accounts, each with the head of the log and the time of the deletion.
CREATE TABLE deleted_users (
    id TEXT PRIMARY KEY NOT NULL,
    head BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL
);

-- A later account of the id begins above that head, and tokens of that time stay refused, whoever makes the account.
CREATE FUNCTION campanile_user_made_again() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    deleted deleted_users%ROWTYPE;
BEGIN
    SELECT * INTO deleted FROM deleted_users WHERE deleted_users.id = NEW.id;
    IF FOUND THEN
        NEW.own_start := deleted.head;
        NEW.inbox_start := greatest(NEW.inbox_start, deleted.head);
        NEW.signed_out_at := deleted.deleted_at;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER campanile_user_made_again BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION campanile_user_made_again();

-- A deletion takes rights away at every hub.
CREATE FUNCTION campanile_signal_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campanile_signal('rights', OLD.id, '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER campanile_user_deleted AFTER DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION campanile_signal_deletion();
