#!/usr/bin/env python
"""Django's command line for Ops Console."""

import os
import signal
import sys


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        # From the first moment: a container's process 1 ignores what nobody handles, and loading takes a second or two.
        # Nothing is begun yet, and an exception may come to nothing: imports call back where Python only reports it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(0))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsconsole.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # Its sentence says which setting to correct; where in our code it was read does not matter.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
