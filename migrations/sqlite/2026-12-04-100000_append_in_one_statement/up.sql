-- A file has one server, this program.
SELECT 1;
