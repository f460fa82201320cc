-- The order in which alarms expire, so that open streams hear of it. Most alarms never do, so the index is small.
CREATE INDEX alarms_expiry ON alarms (expires_at, id) WHERE expires_at IS NOT NULL;
