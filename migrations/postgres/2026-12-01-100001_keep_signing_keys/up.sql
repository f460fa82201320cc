-- The hub's own key pairs, which sign the tokens of sign-ins. The private key is sealed with a secret that is not in the database.
CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL while it may sign; the time until which it verifies after another took its place.
    verifies_until BIGINT
);
