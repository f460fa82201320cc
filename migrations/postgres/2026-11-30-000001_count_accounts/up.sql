-- The number of accounts, so that nobody has to count them. Triggers keep it, whoever makes an account.
CREATE TABLE account_totals (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    accounts BIGINT NOT NULL
);

-- No account is made between the count and the triggers.
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO account_totals (id, accounts) SELECT 1, count(*) FROM users;

-- A statement that made none, as most appends, takes no lock here.
CREATE FUNCTION campanile_count_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed BIGINT := (SELECT count(*) FROM changed_users);
BEGIN
    IF changed > 0 THEN
        UPDATE account_totals SET accounts = accounts + CASE TG_OP WHEN 'INSERT' THEN changed ELSE -changed END;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER campanile_accounts_made AFTER INSERT ON users
    REFERENCING NEW TABLE AS changed_users FOR EACH STATEMENT EXECUTE FUNCTION campanile_count_accounts();
CREATE TRIGGER campanile_accounts_removed AFTER DELETE ON users
    REFERENCING OLD TABLE AS changed_users FOR EACH STATEMENT EXECUTE FUNCTION campanile_count_accounts();
