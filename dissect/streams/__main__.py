"""`python -m dissect.streams FILE...`: the conversations as JSON, without what they were taken for. `dissect streams` tells all."""

from __future__ import annotations

import json
import sys

from dissect.capture import open_capture
from dissect.errors import DissectError
from dissect.streams.listing import list_conversations


def main(arguments: list[str]) -> int:
    paths = [argument for argument in arguments if argument != "--json"]
    try:
        with open_capture(paths) as capture:
            json.dump(list_conversations(capture).conversations, sys.stdout, indent=1)
    except DissectError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
