-- The user who opened a room, whose number of rooms is limited. Not known of older rooms.
ALTER TABLE rooms ADD COLUMN created_by TEXT;
CREATE INDEX rooms_by_creator ON rooms (created_by) WHERE created_by IS NOT NULL;

-- The order in which rooms are listed.
CREATE INDEX rooms_by_age ON rooms (created_at, id);
