"""What the voting page's script says: sentences by code, in the reader's language.

Codes that end in `-whole` are said where the link brought no code and the voter types all of it. Those that begin with
`read-` and `send-` end in the reason of a failure: `static/vote/failures.js`.
"""

from services.frontend.language import gettext as _


def script_texts() -> dict[str, str]:
    """All of them; `%(name)s` is filled in by the script."""
    return {
        "in-your-zone": _("%(time)s (%(zone)s, your time)"),
        "in-both-zones": _("%(time)s (%(zone)s, your time; %(theirs)s in %(place)s)"),
        "open-until": _("Open until %(time)s"),
        "closed-at": _("Ended on %(time)s"),
        **_choosing(),
        **_code(),
        **_casting(),
        **_trouble(),
        **_keeping(),
    }


def _choosing() -> dict[str, str]:
    return {
        "blank": _("Blank vote"),
        "nothing-chosen": _("No option chosen"),
        "choose-one": _("Choose an option."),
        "choose-more": _("Choose at least %(least)s options; you have chosen %(chosen)s."),
        "choose-fewer": _("Choose at most %(most)s; you have chosen %(chosen)s."),
    }


def _code() -> dict[str, str]:
    never_used = _("The capital letters O and I, the small letter l and the digit 0 are never used.")
    compare = _("Compare it with the mail, capital and small letters too.")
    return {
        "code-empty": _("Type the last three characters of your code."),
        "code-empty-whole": _("Type your code."),
        "code-characters": _("No code has such a character.") + " " + never_used,
        "code-characters-whole": _("Group %(group)s has a character that no code has.") + " " + never_used,
        "code-length": _("Type exactly three characters: the last group of your code."),
        "code-length-whole": _("A code has five groups of three characters. Look at group %(group)s."),
        "code-checksum": _("This is not the end of your code: something is mistyped.") + " " + compare,
        "code-checksum-whole": _("Something in this code is mistyped.") + " " + compare,
        "code-unknown": _("This is not the end of your code.") + " " + compare,
        "code-unknown-whole": _("This code is not on the list of this election. Is the mail the latest one about it?"),
    }


def _casting() -> dict[str, str]:
    return {
        "checking": _("Checking your code …"),
        "encrypting": _("Encrypting your choice …"),
        "encrypting-question": _("Encrypting your choice: question %(number)s of %(total)s …"),
        "sending": _("Sending your ballot …"),
    }


def _trouble() -> dict[str, str]:
    going_on = _("This page keeps trying; nothing is lost.")
    kept = _("Your ballot is kept in this tab, encrypted, and is sent again by itself.")
    wait = _("Leave this page open until you see your tracker.")
    busy = _("The ballot box does not answer at the moment.")
    lost = _("The connection was lost.")
    many = _("Very many people are voting at the moment.")
    return {
        "read-offline": _("The ballot box cannot be reached. Is this device online?") + " " + going_on,
        "read-busy": f"{busy} {going_on}",
        "read-too-often": f"{many} {going_on}",
        "send-offline": f"{lost} {kept} {wait}",
        "send-busy": f"{busy} {kept} {wait}",
        "send-too-often": f"{many} {kept} {wait}",
    }


def _keeping() -> dict[str, str]:
    return {
        "copied": _("The tracker has been copied."),
        "not-copied": _("This browser does not allow copying. The tracker is selected: copy it yourself."),
        "downloaded": _("The tracker has been saved as the file tracker.txt."),
        "file": _("%(name)s\n\nTracker of my ballot: %(tracker)s\nThe board: %(board)s"),
    }
