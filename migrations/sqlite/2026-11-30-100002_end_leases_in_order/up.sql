-- A file has one hub, which needs no lease.
SELECT 1;
