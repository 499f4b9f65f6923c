"""What the page says that checks an election in the reader's own browser."""

from services.frontend.language import gettext as _
from services.frontend.pages.trustee_texts import board_refusals


def verify_texts() -> dict[str, str]:
    """The sentences in the reader's language."""
    return {
        **board_refusals(),
        "busy": _("Downloading and checking …"),
        "progress": _("%(percent)s %% checked, %(ballots)s ballots"),
        "progress-ballots": _("%(ballots)s ballots checked"),
        "complete": _("Everything is right: the result follows from the ballots on the board."),
        "incomplete": _("Everything on the board so far is right. There is no result on it yet."),
        "fingerprint-differs": _(
            "The board is sound, but it is not the board of the election on this page. Do not trust it."
        ),
        "insecure-context": _("This page can check only over a secure connection (https). Use one of the programs."),
        "worker-failed": _("Your browser cannot run the check. Use one of the programs."),
        "failed": _("The check broke off for a reason that says nothing about the election. Load this page again."),
    }
