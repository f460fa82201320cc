DROP TRIGGER campanile_account_removed;
DROP TRIGGER campanile_account_made;
DROP TABLE account_totals;
