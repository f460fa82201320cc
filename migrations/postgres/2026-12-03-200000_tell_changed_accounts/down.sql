DROP TRIGGER campanile_accounts ON log_head;
DROP FUNCTION campanile_signal_accounts();
