-- The issuer whose token made an account; NULL for one that was made here. Only this issuer's tokens speak for it.
ALTER TABLE users ADD COLUMN made_by TEXT;
