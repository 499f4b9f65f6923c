-- The encrypted tally of each election, kept while ballots arrive, and what the trustees make of it.
-- Everything here can be computed again from the public board, but for shares that are kept aside.

CREATE TABLE tallies (
  uuid text PRIMARY KEY, -- the edition of the election; never changes
  election_id text NOT NULL, -- for reports to election; never changes
  definition bytea NOT NULL, -- exact bytes of the election record; never change
  trustees bytea NOT NULL, -- exact bytes of the trustees record; never change
  decryption_confirmed boolean NOT NULL DEFAULT false, -- decrypting was confirmed, or needs no confirmation
  height integer NOT NULL, -- the last event of the board that the tally holds; only grows
  head text NOT NULL, -- the hash of that event
  ended boolean NOT NULL DEFAULT false, -- that event is EndBallots, or comes after it
  ballots integer NOT NULL DEFAULT 0, -- ballots on the board, replaced ones too
  counted integer NOT NULL DEFAULT 0, -- ballots in the product: the last one of each credential
  weight bigint NOT NULL DEFAULT 0, -- the sum of their weights
  encrypted_tally text NOT NULL, -- the product of what is counted, as the record of the protocol
  tally_head text, -- hash of the EncryptedTally event, once it is on the board
  result_record text, -- exact text of the Result record, once it is on the board
  result jsonb, -- the same for readers (contract.Result)
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE counted (
  uuid text NOT NULL REFERENCES tallies ON DELETE CASCADE,
  credential bytea NOT NULL, -- SHA-256 of the decimal public credential
  height integer NOT NULL, -- of its ballot that is in the product now
  PRIMARY KEY (uuid, credential)
);

CREATE TABLE weights (
  uuid text NOT NULL REFERENCES tallies ON DELETE CASCADE,
  credential bytea NOT NULL, -- SHA-256 of the decimal public credential
  weight integer NOT NULL, -- credentials without a row weigh 1
  PRIMARY KEY (uuid, credential)
);

-- Every verified partial decryption that a trustee posted: one factor posted with two proofs is certain to be right, so an
-- earlier post is evidence for a later one.
CREATE TABLE shares (
  uuid text NOT NULL REFERENCES tallies ON DELETE CASCADE,
  owner integer NOT NULL, -- the trustee's place in the list, from 1
  number integer NOT NULL, -- counts this trustee's posts, from 1; the highest is the one that is used
  partial_decryption text NOT NULL, -- exact text; its proofs were checked before it was kept
  PRIMARY KEY (uuid, owner, number)
);

CREATE TABLE unusable (
  uuid text NOT NULL REFERENCES tallies ON DELETE CASCADE,
  owner integer NOT NULL, -- all shares were there, no count was found, and this trustee's may be why
  PRIMARY KEY (uuid, owner)
);
