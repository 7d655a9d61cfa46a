"""The API's document, for those who generate a client of it, as the console does.

python -m api.document > openapi.json
"""

import json
import sys
from importlib.metadata import version

from api.app import routed
from api.http.openapi import document


def main() -> None:
    """Write it to standard output. It needs no server, no database and no Ray."""
    json.dump(document(routed(version("perdure"))), sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
