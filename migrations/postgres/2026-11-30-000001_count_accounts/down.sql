DROP TRIGGER campanile_accounts_removed ON users;
DROP TRIGGER campanile_accounts_made ON users;
DROP FUNCTION campanile_count_accounts();
DROP TABLE account_totals;
