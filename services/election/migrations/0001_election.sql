-- Definitions, trustees, lifecycle and audit. Nothing of the roll but numbers, and nothing of any ballot.

CREATE TABLE elections (
  -- never change
  id text PRIMARY KEY, -- names the election for its organisers
  owner text NOT NULL, -- the organiser who made it; nobody else is told that it exists
  created_at timestamptz NOT NULL DEFAULT now(),
  -- change while it is a draft
  revision integer NOT NULL DEFAULT 1, -- counts replacements of the draft; whoever replaces must know it
  draft jsonb NOT NULL, -- contract.Draft as its organiser wrote it; untouched from sealing on
  roll jsonb NOT NULL, -- contract.RollSummary, as voter last reported it
  -- change with the life of the election
  uuid text NOT NULL UNIQUE, -- names this edition for voters; a new one whenever it becomes a draft again
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'sealing', 'sealed', 'unsealing', 'open', 'closing',
    'closed', 'decrypted', 'published', 'archived')),
  decryption_confirmed boolean NOT NULL DEFAULT false, -- trustees may decrypt
  retention_due boolean NOT NULL DEFAULT false, -- to be archived; of a draft: deleted, and kept only until voter has deleted the roll
  problem text, -- a sentence: why the last transition could not be made
  problem_of text, -- the step whose report takes the problem away
  -- the two instants
  opens_at timestamptz, -- what the draft says, from sealing on what the board keeps (NULL: paused)
  closes_at timestamptz, -- the same
  schedule jsonb, -- contract.ScheduleOrder: what the board shall keep; NULL in a draft
  applied_revision integer NOT NULL DEFAULT 0 -- the last revision of the schedule that the board has reported on; only grows within an edition
);
CREATE INDEX elections_of_owner ON elections (owner, created_at DESC);
CREATE INDEX elections_under_way ON elections (id) WHERE state NOT IN ('draft', 'published', 'archived') OR retention_due;

-- Only drafts can be deleted, and with them all that the other tables hold of them.
CREATE FUNCTION refuse_to_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'only a deleted draft goes away';
END $$;
CREATE TRIGGER only_drafts_are_deleted BEFORE DELETE ON elections FOR EACH ROW
  WHEN (OLD.state <> 'draft' OR NOT OLD.retention_due) EXECUTE FUNCTION refuse_to_delete();

CREATE TABLE trustees (
  id text PRIMARY KEY,
  election_id text NOT NULL REFERENCES elections ON DELETE CASCADE,
  place bigint GENERATED ALWAYS AS IDENTITY, -- the order of the trustees, and so of their keys in the record
  name text NOT NULL, -- becomes public when the election is sealed
  address text NOT NULL, -- where the invitation goes; never public
  generation integer NOT NULL DEFAULT 1, -- counts invitations; the code is derived from it and stored nowhere
  invitation text NOT NULL DEFAULT 'waiting' CHECK (invitation IN ('waiting', 'sent', 'refused')), -- fate of this generation's mail
  key jsonb, -- contract.TrusteeKey whose proof holds; may be replaced while the election is a draft
  UNIQUE (election_id, place)
);
CREATE UNIQUE INDEX trustee_keys_differ ON trustees (election_id, (key ->> 'public_key'));
CREATE INDEX trustees_waiting ON trustees (id) WHERE invitation = 'waiting';

-- The last report of each step. Those of the present edition are its life; older ones only tell repeats from news.
CREATE TABLE reports (
  uuid text NOT NULL, -- the edition
  election_id text NOT NULL REFERENCES elections ON DELETE CASCADE,
  step text NOT NULL,
  report jsonb NOT NULL, -- contract.Report
  PRIMARY KEY (uuid, step)
);
CREATE INDEX reports_of_election ON reports (election_id);

-- What was frozen at sealing. Append-only: the bytes never change.
CREATE TABLE frozen (
  uuid text PRIMARY KEY, -- the edition
  election_id text NOT NULL REFERENCES elections ON DELETE CASCADE,
  definition bytea NOT NULL, -- exact bytes of the election's record
  trustees bytea NOT NULL, -- exact bytes of the trustees' record
  fingerprint text NOT NULL, -- SHA-256 of the definition, base64 without padding
  frozen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX frozen_of_election ON frozen (election_id);

-- Editions that were public once and are dead. Append-only, and kept when the draft is deleted: old links go on saying so.
CREATE TABLE withdrawn (
  uuid text PRIMARY KEY,
  withdrawn_at timestamptz NOT NULL DEFAULT now()
);

-- What other services wrote into the audit log. Append-only.
CREATE TABLE notices (
  election_id text NOT NULL REFERENCES elections ON DELETE CASCADE,
  key text NOT NULL, -- makes the call idempotent
  uuid text NOT NULL, -- the edition that it is about
  action text NOT NULL,
  since_sealing boolean NOT NULL, -- the election was no draft: corrections of addresses are counted in public
  PRIMARY KEY (election_id, key)
);

-- The chained audit log. Append-only; see services/election/audit.py for what each column is hashed into.
CREATE TABLE audit (
  election_id text NOT NULL REFERENCES elections ON DELETE CASCADE,
  number bigint NOT NULL CHECK (number > 0), -- from 1, without a gap
  at timestamptz NOT NULL,
  actor text NOT NULL, -- organiser:ID, trustee:ID or service:NAME
  action text NOT NULL, -- the name that the act has everywhere
  facts jsonb NOT NULL,
  previous text CHECK ((previous IS NULL) = (number = 1)), -- hash of the record before
  hash text NOT NULL,
  PRIMARY KEY (election_id, number)
);
