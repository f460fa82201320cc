DROP TABLE answers;
DROP TABLE hubs;
