DROP TRIGGER campanile_revoked ON revoked_tokens;
DROP FUNCTION campanile_signal_revoked();
DROP TRIGGER campanile_rights ON users;
DROP FUNCTION campanile_signal_rights();
DROP FUNCTION campanile_signal(TEXT, TEXT, TEXT);
DROP TABLE signal_head;
DROP TABLE signals;
ALTER TABLE users DROP COLUMN kicks;
