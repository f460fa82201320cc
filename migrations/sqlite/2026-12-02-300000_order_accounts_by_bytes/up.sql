-- A file has its ids in the order of their bytes.
SELECT 1;
