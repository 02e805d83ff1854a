"""What a user can mend, as exceptions whose text names the next step. Traffic never raises: what it did is data (`dissect.model`)."""


class DissectError(Exception):
    """Base of everything the command line and the interface show as one line; exit status 1."""


class CaptureError(DissectError):
    """A capture that cannot be opened or is none."""


class KeysError(DissectError):
    """A keys file that cannot be used; the text names the entry by its place, never its value."""


class FilterError(DissectError):
    """A filter expression that is wrong; `position` is the 0-based column in `text`. Exit status 2."""

    def __init__(self, message: str, position: int = 0, text: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.text = text


class UsageError(DissectError):
    """Options that contradict each other; exit status 2."""


def fault_of(error: BaseException) -> DissectError:
    """A fault of ours, for the user: what and where, without the values that a traceback could show (packets', keys')."""
    from os.path import basename
    from traceback import extract_tb

    places = extract_tb(error.__traceback__)
    where = f" in {basename(places[-1].filename)}, line {places[-1].lineno}" if places else ""
    return DissectError(f"a fault of dissect itself, please report it: {type(error).__name__}{where}")
