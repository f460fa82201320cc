-- The networks that an account signed in from. They go on when somebody else guesses at its password.
CREATE TABLE sign_in_networks (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE,
    network TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);

-- The newest of an account, and the oldest of all, for pruning.
CREATE INDEX sign_in_networks_by_user_and_time ON sign_in_networks (user_id, last_at, network);
CREATE INDEX sign_in_networks_by_time ON sign_in_networks (last_at);
