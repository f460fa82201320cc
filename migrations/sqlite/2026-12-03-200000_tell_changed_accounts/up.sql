-- A file has one hub, which has nobody to tell.
SELECT 1;
