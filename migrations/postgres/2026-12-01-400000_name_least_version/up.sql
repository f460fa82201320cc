-- The lowest version of the program that may use this database. A migration that older versions cannot work with raises it.
CREATE TABLE compatibility (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    least_version TEXT NOT NULL
);
INSERT INTO compatibility (id, least_version) VALUES (1, '0.1.0');
