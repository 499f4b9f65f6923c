-- The public board. Everything here may be shown to anyone; nothing here says who a voter is.
--
-- events, records, credentials, credential_lists and withdrawals only grow: the service's role may not change or delete
-- their rows. Of a board only its schedule and its counters change.
--
-- There are no foreign keys: rows that belong together are written by one statement and never deleted, and a check per
-- row would cost as much as the row and lock its credential.

-- The public list while it arrives from `voter`, page by page. A page may be replaced until the list is sealed.
CREATE TABLE credential_pages (
  uuid text COLLATE "C" NOT NULL,   -- the election
  page integer NOT NULL,            -- counted from 0, without gaps once the list is sealed
  digest bytea NOT NULL,            -- SHA-256 of the lines, by which a repeated page is recognised
  lines text[] NOT NULL,            -- "KEY" or "KEY,WEIGHT", ascending; emptied when the board has been set up
  PRIMARY KEY (uuid, page)
);
ALTER TABLE credential_pages ALTER COLUMN lines SET STORAGE EXTERNAL;

-- A list that is complete: from here on its pages do not change.
CREATE TABLE credential_lists (
  uuid text COLLATE "C" PRIMARY KEY,
  pages integer NOT NULL,           -- number of pages
  credentials integer NOT NULL,     -- number of lines in all of them
  total_weight bigint NOT NULL,     -- sum of the weights
  hash bytea NOT NULL               -- SHA-256 of the record in the archive
);

-- Elections that were unsealed: no board is set up for them, and one that exists takes no ballot.
CREATE TABLE withdrawals (
  uuid text COLLATE "C" PRIMARY KEY,
  withdrawn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per board, made together with its Setup event.
CREATE TABLE boards (
  -- never changed
  uuid text COLLATE "C" PRIMARY KEY, -- names the election for its voters
  election_id text NOT NULL,        -- names it for its organisers
  fingerprint text NOT NULL,        -- SHA-256 of the definition, base64
  archive_timestamp bigint NOT NULL, -- the time in every header of the archive, seconds since 1970
  revote_allowed boolean NOT NULL,  -- whether a credential may cast again
  election_class text NOT NULL,     -- real or test
  credentials integer NOT NULL,     -- length of the public list
  credentials_hash bytea NOT NULL,  -- SHA-256 of its record
  total_weight bigint NOT NULL,     -- sum of its weights
  -- the schedule, changed under the board's lock by orders with ascending revisions
  schedule_revision integer NOT NULL, -- the last order that was looked at
  schedule_applied boolean NOT NULL, -- whether it came in time
  opens_at timestamptz,             -- ballots that arrive from here on are taken; null: paused
  closes_at timestamptz NOT NULL,   -- ballots that arrive from here on are refused
  -- the head and the counters, changed under the board's lock together with the events that they sum up
  height integer NOT NULL,          -- of the last event
  head bytea NOT NULL,              -- hash of the last event
  archive_bytes bigint NOT NULL,    -- length of the archive up to the last event
  ballots integer NOT NULL,         -- Ballot events
  voted integer NOT NULL,           -- credentials that have cast one or more
  voted_weight bigint NOT NULL,     -- sum of those credentials' weights
  ended boolean NOT NULL            -- EndBallots is on the board, and no ballot follows it
) WITH (fillfactor = 50);

-- The public list in its order.
CREATE TABLE credentials (
  uuid text COLLATE "C" NOT NULL,
  position integer NOT NULL,        -- from 0, ascending with the number that the key is
  digest bytea NOT NULL,            -- SHA-256 of the key's decimal text
  key text COLLATE "C" NOT NULL,    -- the public credential
  weight bigint NOT NULL,           -- what its ballot counts
  PRIMARY KEY (uuid, position)
);
CREATE UNIQUE INDEX credentials_digest ON credentials (uuid, digest);

-- The chain. The unique indexes are its fence: no height, no parent and no ballot stands twice, whatever the code does.
CREATE TABLE events (
  uuid text COLLATE "C" NOT NULL,
  height integer NOT NULL,          -- place in the chain, from 0
  type text NOT NULL,               -- as the ballot protocol names it
  hash bytea NOT NULL,              -- SHA-256 of the event's text
  parent bytea,                     -- hash of the event before it
  payload bytea,                    -- hash of its last record; of a ballot that is the tracker
  credential integer,               -- ballots: position of the credential that has signed
  archive_start bigint NOT NULL,    -- where its first record begins in the archive
  PRIMARY KEY (uuid, height)
);
CREATE UNIQUE INDEX events_parent ON events (uuid, parent);
CREATE UNIQUE INDEX events_tracker ON events (uuid, payload) WHERE credential IS NOT NULL;
CREATE UNIQUE INDEX events_credential ON events (uuid, credential, height) WHERE credential IS NOT NULL;
CREATE UNIQUE INDEX events_archive ON events (uuid, archive_start);

-- The data of the events, exact bytes.
CREATE TABLE records (
  uuid text COLLATE "C" NOT NULL,
  height integer NOT NULL,          -- the event
  place smallint NOT NULL,          -- order of the event's records in the archive
  piece integer NOT NULL,           -- order of a record's pieces; only the public list has more than one
  hash bytea NOT NULL,              -- SHA-256 of the whole record
  size bigint NOT NULL,             -- bytes of the whole record
  content bytea NOT NULL,           -- this piece
  PRIMARY KEY (uuid, height, place, piece)
);
-- Digits of random numbers do not compress; trying costs more than storing.
ALTER TABLE records ALTER COLUMN content SET STORAGE EXTERNAL;
