DROP INDEX alarms_to_retract;
