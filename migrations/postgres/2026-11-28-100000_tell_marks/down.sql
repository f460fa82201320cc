DROP TRIGGER campanile_marks ON users;
DROP FUNCTION campanile_signal_marks();
ALTER TABLE users DROP COLUMN marks;
