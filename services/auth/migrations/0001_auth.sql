-- Organisers, their sessions, and the keys that sign their tokens. Nothing here is about an election.

CREATE TABLE organisers (
  id text PRIMARY KEY,                        -- random; what other services know an organiser by
  email text NOT NULL,                        -- as it was written
  email_key text NOT NULL UNIQUE,             -- as it is compared: NFC, case-folded
  name text NOT NULL,                         -- shown to other organisers
  password_hash text NOT NULL,                -- bcrypt, cost 12
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A family of refresh tokens: one sign-in in one browser, until it ends.
CREATE TABLE sessions (
  id text PRIMARY KEY,                        -- random; never leaves this service
  organiser_id text NOT NULL REFERENCES organisers ON DELETE CASCADE,
  device_id text NOT NULL,                    -- the browser, as its device token names it
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz                        -- from then on no token of the family is worth anything
);

CREATE INDEX sessions_of_organiser ON sessions (organiser_id);

-- Every refresh token that was given out: used ones stay while the session lives, so that a reuse is seen.
CREATE TABLE refresh_tokens (
  digest bytea PRIMARY KEY,                   -- SHA-256 of the token, which is stored nowhere
  session_id text NOT NULL REFERENCES sessions ON DELETE CASCADE,
  issued_at timestamptz NOT NULL DEFAULT now(),
  used_at timestamptz                         -- when its successor was given out
);

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Counts what is throttled: guesses at an account, from an address, in a known browser; sign-ups from an address.
CREATE TABLE attempts (
  kind text NOT NULL,                         -- a name in throttling.LIMITS
  subject bytea NOT NULL,                     -- SHA-256 of what is counted, so that no address stands here
  count integer NOT NULL DEFAULT 0,           -- since the last success, or the last quiet day
  last_at timestamptz NOT NULL DEFAULT now(), -- of the latest that was let through
  free_at timestamptz NOT NULL DEFAULT now(), -- the next one is let through from then on
  PRIMARY KEY (kind, subject)
);

CREATE INDEX attempts_by_age ON attempts (last_at);

-- A key is published before it signs, and until the last token that it signed has expired.
CREATE TABLE signing_keys (
  kid text PRIMARY KEY,                       -- random; stands in the header of each token
  public_key bytea NOT NULL,                  -- Ed25519, 32 bytes
  sealed_key bytea NOT NULL,                  -- nonce and AES-256-GCM of the private 32 bytes, bound to the kid
  signs_from timestamptz NOT NULL             -- it signs until the next key does
);
