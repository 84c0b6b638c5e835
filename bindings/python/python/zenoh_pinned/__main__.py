"""The command ``zenoh-pinned``: ``zenoh-pinned --help`` says what it does."""

import signal
import sys

from zenoh_pinned._native import run_command


def main() -> int:
    """Run it with the arguments of this process, which is all its own."""
    # Python would only note an interrupt while the command runs. What has something to put right first takes
    # the signal itself. One that was ignored stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_command(["zenoh-pinned", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
