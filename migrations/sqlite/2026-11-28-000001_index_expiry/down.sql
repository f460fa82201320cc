DROP INDEX alarms_expiry;
