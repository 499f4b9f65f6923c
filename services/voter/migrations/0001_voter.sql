-- The electoral roll, the sealed secrets of the codes, and the mails. No code, no public credential and no rendered mail is ever here.

CREATE TABLE roll (
  election_id text PRIMARY KEY, -- never changes
  frozen_uuid text, -- the edition that the roll is frozen for; NULL while it may be changed
  revision bigint NOT NULL DEFAULT 0, -- grows with each change that election is told of
  reported_revision bigint NOT NULL DEFAULT 0, -- the last revision that election has been told of
  test_mail_accepted_at timestamptz, -- when the mail server last took a test mail
  sealing_done integer NOT NULL DEFAULT 0, -- codes made so far by the sealing that runs, or ran last
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX roll_unreported ON roll (election_id) WHERE revision <> reported_revision;

CREATE TABLE voter (
  id text COLLATE "C" PRIMARY KEY, -- random; the code is derived from it; never changes
  election_id text NOT NULL REFERENCES roll ON DELETE CASCADE, -- never changes
  address text NOT NULL, -- as it was written; mails go there
  address_key text COLLATE "C" NOT NULL, -- equal for equal addresses; orders the roll
  name text NOT NULL, -- may be empty
  weight integer NOT NULL CHECK (weight BETWEEN 1 AND 1000000000), -- of this voter's ballot
  group_label text NOT NULL, -- means nothing but to the organiser; may be empty
  address_folded text NOT NULL, -- what a search looks into
  name_folded text NOT NULL, -- the same
  UNIQUE (election_id, address_key)
);

CREATE TABLE edition (
  uuid text PRIMARY KEY, -- never changes; an election that is unsealed gets another
  election_id text NOT NULL REFERENCES roll ON DELETE CASCADE, -- never changes
  announcement jsonb NOT NULL, -- what mails say of the election, so that they can be sent whatever else is down
  sealed_key bytea, -- key of this edition, sealed under the service's; NULL before the freezing and once destroyed
  sealed_secret bytea, -- the secret of the codes, sealed under that key; NULL with it
  opened boolean NOT NULL DEFAULT false, -- everybody's invitation has been queued because the election opened
  reminding boolean NOT NULL DEFAULT false, -- reminders are wanted and not queued yet
  destroyed_at timestamptz, -- when the secret was destroyed; from then on there will be none
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((sealed_key IS NULL) = (sealed_secret IS NULL)),
  CHECK (destroyed_at IS NULL OR sealed_key IS NULL)
);

CREATE INDEX edition_election ON edition (election_id);
CREATE INDEX edition_reminding ON edition (uuid) WHERE reminding;

-- Corrected addresses of a frozen roll, chained: only appended to, until the whole roll is deleted.
CREATE TABLE correction (
  election_id text NOT NULL REFERENCES roll ON DELETE CASCADE,
  number integer NOT NULL, -- from 1 without gaps
  uuid text NOT NULL, -- the edition
  at timestamptz NOT NULL,
  organiser_id text NOT NULL, -- who did it
  voter_id text NOT NULL, -- whose address it was
  former_address text NOT NULL,
  address text NOT NULL,
  reason text NOT NULL, -- in the organiser's words
  previous text, -- hash of the record before; NULL for the first
  hash text NOT NULL, -- SHA-256 of the other columns in canonical JSON
  PRIMARY KEY (election_id, number)
);

-- The queue, and the fate of what was in it. A row names whom and why; what the mail says is made when it is sent.
CREATE TABLE mail (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), -- the Message-ID comes from it; never changes
  kind text NOT NULL CHECK (kind IN ('invitation', 'reminder', 'resent', 'address_changed', 'code_withdrawn', 'trustee')),
  election_id text REFERENCES roll ON DELETE CASCADE, -- NULL for trustees
  uuid text REFERENCES edition ON DELETE CASCADE, -- NULL for trustees
  voter_id text REFERENCES voter ON DELETE CASCADE, -- NULL for trustees
  correction integer, -- address_changed: number of the correction
  to_former boolean NOT NULL DEFAULT false, -- address_changed: goes to the former address
  trustee_id text, -- NULL for voters
  generation integer, -- of the trustee's code
  turn integer NOT NULL, -- the queue's order; elections count their own mails, so that a large one does not hold up a small one
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'deferred', 'accepted', 'refused')),
  queued_at timestamptz NOT NULL DEFAULT now(),
  next_try_at timestamptz DEFAULT now(), -- NULL once accepted or refused
  attempts integer NOT NULL DEFAULT 0, -- that the mail server has answered, or not
  reply text, -- the mail server's last words
  CHECK ((voter_id IS NULL) <> (trustee_id IS NULL)),
  CHECK ((voter_id IS NULL) = (uuid IS NULL) AND (uuid IS NULL) = (election_id IS NULL)),
  CHECK ((next_try_at IS NULL) = (status IN ('accepted', 'refused')))
);

CREATE INDEX mail_waiting ON mail (turn, id) INCLUDE (next_try_at) WHERE status IN ('queued', 'deferred');
CREATE INDEX mail_voter ON mail (voter_id);
CREATE INDEX mail_edition ON mail (uuid, kind, status);
CREATE INDEX mail_election ON mail (election_id, kind, status);
-- Nobody is invited, or told that the code is dead, twice.
CREATE UNIQUE INDEX mail_once ON mail (uuid, voter_id, kind) WHERE kind IN ('invitation', 'code_withdrawn');
CREATE UNIQUE INDEX mail_trustee ON mail (trustee_id, generation) WHERE trustee_id IS NOT NULL;

-- Reminders that are done with. Their rows are deleted: who was reminded had not voted.
CREATE TABLE reminded (
  election_id text NOT NULL REFERENCES roll ON DELETE CASCADE,
  status text NOT NULL CHECK (status IN ('accepted', 'refused')),
  mails integer NOT NULL,
  PRIMARY KEY (election_id, status)
);

-- What election has still to be told for its audit log; deleted when it has been.
CREATE TABLE notice (
  key text PRIMARY KEY, -- makes telling it twice the same as once
  election_id text NOT NULL REFERENCES roll ON DELETE CASCADE,
  uuid text NOT NULL,
  action text NOT NULL,
  facts jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- The pace of all replicas together: one row.
CREATE TABLE pace (
  one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
  next_at timestamptz NOT NULL DEFAULT now() -- when the next mail may leave
);

INSERT INTO pace DEFAULT VALUES;
