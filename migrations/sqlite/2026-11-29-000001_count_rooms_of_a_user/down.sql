DROP INDEX rooms_by_age;
DROP INDEX rooms_by_creator;
ALTER TABLE rooms DROP COLUMN created_by;
