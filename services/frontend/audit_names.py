"""What the acts of an audit log are called on its page. An act without a name is shown by its code."""

from services.election.contract import Step
from services.frontend.language import gettext as _


def action_name(action: str) -> str:
    """The act as a sentence names it."""
    return {**_acts(), **_steps()}.get(action) or action.replace("_", " ")


def _acts() -> dict[str, str]:
    return {
        "create_election": _("The election was begun"),
        "replace_draft": _("The draft was changed"),
        "delete_election": _("The draft was deleted"),
        "add_trustee": _("A trustee was added"),
        "remove_trustee": _("A trustee was removed"),
        "invite_trustee": _("A trustee was invited again"),
        "report_trustee_invitation": _("A trustee's invitation was sent"),
        "publish_trustee_key": _("A trustee published a key"),
        "seal_election": _("The election was sealed"),
        "unseal_election": _("The election was unsealed"),
        "change_schedule": _("The schedule was changed"),
        "report_schedule": _("The board keeps these times"),
        "confirm_decryption": _("Decrypting very few ballots was allowed"),
        "publish_result": _("The result was published"),
        "archive_election": _("The election was to be archived"),
        "roll_imported": _("The roll was imported"),
        "roll_deleted": _("The roll was emptied"),
        "voter_address_corrected": _("A voter's address was corrected"),
        "invitations_queued": _("Invitations were sent"),
        "reminders_queued": _("Reminders were sent"),
    }


def _steps() -> dict[str, str]:
    return {
        Step.FREEZE_ROLL: _("The roll was frozen and codes were made"),
        Step.SET_UP_BOARD: _("The board was set up"),
        Step.WITHDRAW_BOARD: _("The board was withdrawn"),
        Step.WITHDRAW_CODES: _("The codes were made void"),
        Step.OPEN_BOARD: _("Voting opened"),
        Step.CLOSE_BOARD: _("Voting closed"),
        Step.END_BALLOTS: _("The end of voting was written on the board"),
        Step.DESTROY_SECRETS: _("The secrets behind the codes were destroyed"),
        Step.POST_TALLY: _("The encrypted sum was written on the board"),
        Step.POST_RESULT: _("The result was written on the board"),
        Step.APPLY_RETENTION: _("The roll was deleted"),
    }


def actor_name(actor: str) -> str:
    """Who did it: an organiser, a trustee, or a part of this site."""
    kind, _sep, name = actor.partition(":")
    services = {"voter": _("the roll"), "ballot": _("the board"), "result": _("the tally"), "election": _("this site")}
    if kind == "service":
        return services.get(name, name)
    return {"organiser": _("organiser"), "trustee": _("trustee")}.get(kind, actor)
