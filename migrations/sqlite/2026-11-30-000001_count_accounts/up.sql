-- The number of accounts, so that nobody has to count them. Triggers keep it, whoever makes an account.
CREATE TABLE account_totals (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    accounts BIGINT NOT NULL
);
INSERT INTO account_totals (id, accounts) SELECT 1, count(*) FROM users;

CREATE TRIGGER campanile_account_made AFTER INSERT ON users BEGIN
    UPDATE account_totals SET accounts = accounts + 1;
END;
CREATE TRIGGER campanile_account_removed AFTER DELETE ON users BEGIN
    UPDATE account_totals SET accounts = accounts - 1;
END;
