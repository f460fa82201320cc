DROP TABLE alarm_type_head;
DROP TABLE alarm_types;
DROP FUNCTION campanile_signal_alarm_types();
