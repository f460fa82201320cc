DROP TRIGGER campanile_api_key_removed;
DROP TRIGGER campanile_api_key_changed;
DROP TRIGGER campanile_api_key_made;
DROP TABLE api_key_head;
DROP TABLE api_keys;
