DROP TABLE mercure_topics;
DROP TABLE mercure_updates;
