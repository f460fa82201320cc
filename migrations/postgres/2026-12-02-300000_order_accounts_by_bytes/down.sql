DROP INDEX users_by_bytes;
