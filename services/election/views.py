"""What is shown of an election, and to whom."""

from services.election.contract import (
    Announcement,
    Election,
    PublicElection,
    Rights,
    State,
    Step,
    TrusteePage,
    Work,
)
from services.election.definition import GROUP
from services.election.lifecycle import OWED, owed
from services.election.schedule import NEVER
from services.election.store import StoredElection
from services.election.store_trustees import StoredTrustee


def view_election(election: StoredElection, trustees: list[StoredTrustee]) -> Election:
    """For its organiser."""
    life = election.life
    return Election(
        id=election.id,
        uuid=life.uuid,
        revision=election.revision,
        state=life.state,
        draft=election.draft,
        opens_at=election.opens_at,
        closes_at=election.closes_at,
        paused=is_paused(election),
        trustees=[trustee.view for trustee in trustees],
        roll=life.roll,
        fingerprint=election.fingerprint,
        turnout=life.turnout,
        counted=life.counted,
        decryption_confirmed=life.decryption_confirmed,
        problem=life.problem,
    )


def is_paused(election: StoredElection) -> bool:
    """Whether the board keeps no opening."""
    return election.order is not None and election.opens_at is None


def view_work(election: StoredElection, service: str) -> Work:
    """For a service, with the steps that it owes."""
    draft, life = election.draft, election.life
    return Work(
        election_id=election.id,
        uuid=life.uuid,
        state=life.state,
        steps=[step for step in owed(life) if OWED[step] == service],
        schedule=election.order or NEVER,
        revote_allowed=draft.revote_allowed,
        election_class=draft.election_class,
        decryption_confirmed=life.decryption_confirmed,
        name=draft.name,
        questions=draft.questions,
        zone=draft.zone,
        opens_at=election.opens_at,
        closes_at=election.closes_at,
        reply_to=draft.reply_to,
        mail=draft.mail,
    )


def view_rights(election: StoredElection, organiser_id: str, service: str) -> Rights:
    """For a service that asks what an organiser may do."""
    return Rights(
        election_id=election.id,
        uuid=election.life.uuid,
        state=election.life.state,
        owner=election.owner == organiser_id,
        announcement=_announcement(election) if service == "voter" else None,
    )


def _announcement(election: StoredElection) -> Announcement:
    draft = election.draft
    return Announcement(
        name=draft.name,
        zone=draft.zone,
        opens_at=election.opens_at,
        closes_at=election.closes_at,
        reply_to=draft.reply_to,
        mail=draft.mail,
    )


def view_trustee_page(election: StoredElection, trustees: list[StoredTrustee], trustee_id: str) -> TrusteePage:
    """For a trustee."""
    (place,) = (number for number, trustee in enumerate(trustees) if trustee.id == trustee_id)
    trustee = trustees[place]
    return TrusteePage(
        id=trustee.id,
        name=trustee.name,
        owner=place + 1,
        election_name=election.draft.name,
        uuid=election.life.uuid,
        state=election.life.state,
        group=GROUP.name,
        public_key=trustee.key.public_key if trustee.key else None,
        decryption_confirmed=election.life.decryption_confirmed,
        counted=election.life.counted,
    )


def view_public_election(
    election: StoredElection, trustees: list[StoredTrustee], address_corrections: int
) -> PublicElection:
    """For anyone, once it is sealed."""
    draft, life = election.draft, election.life
    assert life.state is not State.DRAFT
    assert election.fingerprint is not None
    frozen_voters = life.fact(Step.FREEZE_ROLL, "voters")
    return PublicElection(
        uuid=life.uuid,
        name=draft.name,
        description=draft.description,
        state=life.state,
        questions=draft.questions,
        zone=draft.zone,
        opens_at=election.opens_at,
        closes_at=election.closes_at,
        paused=is_paused(election),
        revote_allowed=draft.revote_allowed,
        election_class=draft.election_class,
        trustees=[trustee.name for trustee in trustees],
        contact=draft.mail.contact,
        reply_to=draft.reply_to,
        voters=life.roll.voters if frozen_voters is None else int(frozen_voters),
        address_corrections=address_corrections,
        fingerprint=election.fingerprint,
    )
