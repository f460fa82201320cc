DROP FUNCTION campanile_append;
DROP FUNCTION campanile_is_of_this_server;
