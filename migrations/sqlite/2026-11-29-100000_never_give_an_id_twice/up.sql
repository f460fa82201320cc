-- The identity of this database, which a copy of the file keeps.
ALTER TABLE log_head ADD COLUMN epoch TEXT;
UPDATE log_head SET epoch = lower(hex(randomblob(16)));
