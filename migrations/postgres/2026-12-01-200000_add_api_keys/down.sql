DROP TABLE api_key_head;
DROP TABLE api_keys;
DROP FUNCTION campanile_signal_api_keys();
