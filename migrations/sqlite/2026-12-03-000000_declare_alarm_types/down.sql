DROP TABLE alarm_type_head;
DROP TABLE alarm_types;
