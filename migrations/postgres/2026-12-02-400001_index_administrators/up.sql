-- Finds the other administrators before one is deleted.
CREATE INDEX users_administrators ON users (id) WHERE role = 'admin';
