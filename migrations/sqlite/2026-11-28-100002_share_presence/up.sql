-- A file has one hub, which knows who is present.
SELECT 1;
