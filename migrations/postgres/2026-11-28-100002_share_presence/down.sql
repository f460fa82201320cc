DROP FUNCTION campanile_presence(TEXT, BIGINT, BOOLEAN, TEXT);
DROP TABLE presence;
