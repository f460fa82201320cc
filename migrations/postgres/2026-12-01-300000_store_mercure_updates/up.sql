-- The updates of the Mercure protocol. Their ids come from the counter of the log, so an id is in one of the two tables.
CREATE TABLE mercure_updates (
    id BIGINT PRIMARY KEY NOT NULL,
    -- The id that clients see, and its hash: the text may be longer than an index takes.
    external_id TEXT NOT NULL,
    external_hash BIGINT NOT NULL,
    -- A JSON array, the canonical topic first.
    topics TEXT NOT NULL,
    private BIGINT NOT NULL,
    event_type TEXT,
    retry BIGINT NOT NULL,
    data TEXT NOT NULL,
    -- The bytes of the texts, by which a page of a replay is bounded before its rows are read.
    size_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX mercure_updates_by_external_id ON mercure_updates (external_hash, id);

-- The hash of each topic of each update.
CREATE TABLE mercure_topics (
    topic_hash BIGINT NOT NULL,
    update_id BIGINT NOT NULL,
    PRIMARY KEY (topic_hash, update_id)
);
CREATE INDEX mercure_topics_by_update ON mercure_topics (update_id);
