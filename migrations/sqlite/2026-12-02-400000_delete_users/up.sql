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
CREATE TRIGGER campanile_user_made_again AFTER INSERT ON users
    WHEN EXISTS (SELECT 1 FROM deleted_users WHERE deleted_users.id = NEW.id) BEGIN
    UPDATE users SET
        own_start = (SELECT head FROM deleted_users WHERE deleted_users.id = NEW.id),
        inbox_start = max(NEW.inbox_start, (SELECT head FROM deleted_users WHERE deleted_users.id = NEW.id)),
        signed_out_at = (SELECT deleted_at FROM deleted_users WHERE deleted_users.id = NEW.id)
        WHERE users.id = NEW.id;
END;
