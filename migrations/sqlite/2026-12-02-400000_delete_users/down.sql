DROP TRIGGER campanile_user_made_again;
DROP TABLE deleted_users;
ALTER TABLE users DROP COLUMN own_start;
ALTER TABLE users DROP COLUMN signed_out_at;
