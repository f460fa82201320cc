-- A retracted alarm keeps its row, with a negative time of expiry whose amount is the time of the retraction: whatever leaves out
-- what has expired leaves it out, also in an earlier version. The index finds the alarms about a thing that are not retracted.
CREATE INDEX alarms_to_retract ON alarms (target_id, alarm_type, id)
    WHERE target_id IS NOT NULL AND coalesce(expires_at, 0) >= 0 AND substr(topic, 1, 5) <> 'room:';
