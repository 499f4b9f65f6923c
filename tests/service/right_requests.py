"""One right request for every route that takes something, and the states in which it is refused.

A route that is not in the table fails the tests; so does a right body that its contract does not take.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.ballot.contract import EventType
from services.shared.fields import json_of
from services.voting.group import BELENIOS_2048
from tests.service.election_world import ROLL, a_draft
from tests.service.harness import PASSWORD
from tests.unit.election.keys import a_key

# Every state of an election; those in UNREAL no board and no roll knows, as the tests themselves report the steps.
REAL = ("draft", "sealed", "open", "closed")
UNREAL = ("sealing", "unsealing", "closing", "decrypted", "published", "archived")
STATES = (*REAL, *UNREAL)
BOARDLESS = ("draft", *UNREAL)


@dataclass(frozen=True)
class Things:
    """What the names in a path stand for in one election; `voter_id` is none of its voters where it has no roll."""

    state: str
    election_id: str
    uuid: str
    trustee_id: str
    code: str
    voter_id: str
    organiser_id: str

    @property
    def values(self) -> dict[str, str]:
        """By the names in paths."""
        return {
            "election_id": self.election_id,
            "uuid": self.uuid,
            "trustee_id": self.trustee_id,
            "voter_id": self.voter_id,
            "organiser_id": self.organiser_id,
            "step": "freeze_roll",
            "page": "0",
            "digest": "0" * 64,
            "tracker": "A" * 43,
            "version": "1",
            "name": "style.css",
            "election_class": "real",
        }


Body = Callable[[Things], Any]


@dataclass(frozen=True)
class Right:
    """`state` is the one that suits; `refused` maps states to the status that the request gets in them."""

    state: str = "draft"
    body: Body | None = None
    form: Mapping[str, str] | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    # Whether something that is not there is refused; what is to be gone, or is only just coming, need not be there.
    unknown_refused: bool = True
    # Whether the answer is a page, whoever asks.
    page: bool = False
    # In which other test the refusals by state are.
    states_in: str | None = None


def only(*states: str, status: int = 409) -> dict[str, int]:
    """Refused in all states but these."""
    return dict.fromkeys([state for state in STATES if state not in states], status)


def having_board(status: int = 409) -> dict[str, int]:
    """Refused where there is a board."""
    return {state: status for state in STATES if state not in BOARDLESS}


NEW_ORGANISER = {"email": "new@example.org", "name": "New", "password": PASSWORD}
REFRESH = {"refresh_token": "x" * 40}
TRUSTEE = {"name": "Tess", "address": "tess@example.org"}
SCHEDULE = {
    "opens": {"local": "2030-01-01T00:00:00", "fold": 0},
    "closes": {"local": "2031-01-01T00:00:00", "fold": 0},
    "reason": "The hall is free.",
}
ADDRESS = {"address": "corrected@example.org", "reason": "A typing error."}
LINE = f"{BELENIOS_2048.g},2"
A_KEY = json_of(a_key(4711))
RESULT = {"type": EventType.RESULT.value, "data": ['{"result":[[0,0]]}']}
SHARE = {"owner": 1, "partial_decryption": '{"decryption_factors":[[]],"decryption_proofs":[[]]}'}

DRAFT = json_of(a_draft(description="A\nB", mail={"subject": "S"}))
DRAFT["opens"]["fold"] = DRAFT["closes"]["fold"] = 0


def frozen(things: Things) -> dict[str, Any]:
    """The report of a roll that is frozen."""
    return {
        "uuid": things.uuid,
        "done": True,
        "problem": "None.",
        "facts": {"voters": 12, "total_weight": 12, "credentials": "c" * 64},
    }


def kept(things: Things) -> dict[str, Any]:
    """The report of the instants that a board keeps."""
    instants = {"opens_at": "2030-01-01T00:00:00Z", "closes_at": "2031-01-01T00:00:00Z"}
    return {"uuid": things.uuid, "revision": 1_000, "applied": True, **instants}


def ballot(things: Things) -> dict[str, Any]:
    """What looks like a ballot, until its answers are read."""
    hash_of_nothing = base64.b64encode(b"\0" * 32).decode().rstrip("=")
    signature = {"hash": hash_of_nothing, "proof": {"challenge": "1", "response": "1"}}
    return {
        "election_uuid": things.uuid,
        "election_hash": hash_of_nothing,
        "credential": str(BELENIOS_2048.g),
        "answers": [{"choices": [], "individual_proofs": [], "overall_proof": []}],
        "signature": signature,
    }


def is_always(body: Any) -> Body:
    """The same in every election."""
    return lambda _: body


def health(service: str) -> dict[tuple[str, str], Right]:
    """What every service has."""
    return {(service, name): Right() for name in ("read_live", "read_ready", "read_health")}


AUTH: dict[str, Right] = {
    "sign_in": Right(body=is_always({"email": "a@example.org", "password": PASSWORD, "device": "x"})),
    "refresh_session": Right(body=is_always(REFRESH)),
    "sign_out": Right(body=is_always(REFRESH)),
    "sign_out_everywhere": Right(),
    "sign_up": Right(body=is_always(NEW_ORGANISER)),
    "read_organiser": Right(),
    "change_password": Right(body=is_always({"current": PASSWORD, "new": PASSWORD, **REFRESH})),
    "add_organiser": Right(body=is_always(NEW_ORGANISER)),
    "set_password": Right(body=is_always({"email": "a@example.org", "new": PASSWORD})),
    "read_keys": Right(),
    "rotate_keys": Right(),
}

ELECTION: dict[str, Right] = {
    "create_election": Right(body=is_always({"draft": DRAFT})),
    "list_elections": Right(),
    "read_election": Right(),
    "replace_draft": Right(body=is_always({"revision": 1, "draft": DRAFT}), refused=only("draft")),
    "delete_election": Right(refused=only("draft")),
    "add_trustee": Right(body=is_always(TRUSTEE), refused=only("draft")),
    "remove_trustee": Right(refused=only("draft"), unknown_refused=False),
    "invite_trustee": Right(refused=dict.fromkeys(("decrypted", "published", "archived"), 409)),
    "read_checklist": Right(),
    "seal_election": Right(body=is_always({"confirmed": ["few_voters", "rare_weights"]}), refused=only("draft")),
    "unseal_election": Right(state="sealed", refused=only("sealed")),
    "change_schedule": Right(state="sealed", body=is_always(SCHEDULE), refused=only("sealed", "open")),
    "confirm_decryption": Right(state="closed", refused=only("closed")),
    "publish_result": Right(state="decrypted", refused=only("decrypted")),
    "archive_election": Right(state="published", refused=only("published")),
    "read_audit": Right(),
    "export_audit": Right(),
    "read_trustee_page": Right(),
    "publish_trustee_key": Right(body=is_always(A_KEY), refused=only("draft")),
    "list_work": Right(),
    "report_step": Right(state="sealing", body=frozen, refused=only("sealing")),
    "report_schedule": Right(state="sealed", body=kept, refused={"draft": 409}),
    "report_roll": Right(body=is_always(json_of(ROLL) | {"voters": 99}), refused=only("draft", "unsealing")),
    "add_notice": Right(
        body=lambda things: {
            "uuid": things.uuid,
            "action": "roll_imported",
            "key": "e" * 64,
            "facts": {"added": 1},
        }
    ),
    "list_trustee_invitations": Right(),
    "report_trustee_invitation": Right(body=is_always({"generation": 1_000, "fate": "refused"})),
    "read_rights": Right(unknown_refused=False),
    "read_definition": Right(state="sealed", refused={"draft": 404}),
    "read_trustees": Right(state="sealed", refused={"draft": 404}),
    "read_public_election": Right(state="sealed", refused={"draft": 404}),
}

VOTER: dict[str, Right] = {
    "import_roll": Right(body=is_always("address,name\nada@example.org,Ada\n"), refused=only("draft")),
    "read_roll": Right(),
    "list_voters": Right(),
    "read_voter": Right(),
    "remove_voter": Right(refused=only("draft"), unknown_refused=False),
    "delete_roll": Right(refused=only("draft")),
    "export_roll": Right(),
    "correct_address": Right(body=is_always(ADDRESS), refused=only("draft", "sealed", "open")),
    "resend_invitation": Right(state="sealed", refused=only("sealed", "open")),
    "queue_invitations": Right(state="sealed", refused=only("sealed")),
    "queue_reminders": Right(state="open", refused=only("open")),
    "send_test_mail": Right(body=is_always({"address": "me@example.org"}), refused=only("draft")),
    "read_mail_totals": Right(),
}

BALLOT: dict[str, Right] = {
    "cast_ballot": Right(state="open", body=ballot, states_in="test_ballot_casting"),
    "report_failure": Right(body=lambda _: {"step": "send", "reason": "offline"}, unknown_refused=False),
    "read_board": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "list_events": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "look_up_tracker": Right(state="open", refused=dict.fromkeys(STATES, 404)),
    "read_credential": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "read_definition": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "read_trustees": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "read_credentials": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "download_archive": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "put_credentials_page": Right(
        state="sealed", body=is_always({"credentials": [LINE]}), refused=having_board(), unknown_refused=False
    ),
    "seal_credentials": Right(
        state="sealed",
        body=is_always({"pages": 1, "count": 1, "total_weight": 2, "hash": "a" * 64}),
        refused=only(),
    ),
    "list_used": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
    "append_events": Right(
        state="closed",
        body=is_always({"parent": "a" * 64, "events": [RESULT]}),
        refused=having_board() | dict.fromkeys(BOARDLESS, 404),
    ),
    "list_full_events": Right(state="open", refused=dict.fromkeys(BOARDLESS, 404)),
}

NO_TALLY = dict.fromkeys(BOARDLESS, 404)
RESULT_ROUTES: dict[str, Right] = {
    "read_tally": Right(state="closed", refused=NO_TALLY),
    "post_partial_decryption": Right(
        state="closed", body=is_always(SHARE), refused=NO_TALLY | {"sealed": 404, "open": 409}
    ),
    "read_result": Right(state="closed", refused=dict.fromkeys(STATES, 404)),
    "export_result": Right(state="closed", refused=dict.fromkeys(STATES, 404)),
    "download_archive": Right(state="closed", refused=dict.fromkeys(STATES, 404)),
}
