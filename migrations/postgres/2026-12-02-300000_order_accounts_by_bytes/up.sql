-- The accounts in an order that all hubs share, whatever the language of the database: one list is merged from several of them.
CREATE INDEX users_by_bytes ON users (id COLLATE "C");
