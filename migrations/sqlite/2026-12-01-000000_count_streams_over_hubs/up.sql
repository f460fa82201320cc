-- A file has one hub, which knows all streams.
SELECT 1;
