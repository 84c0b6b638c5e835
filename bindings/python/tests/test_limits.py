"""What small machines say: little shared memory, few open files."""

import os
import shutil

import pytest

from conftest import outcome


def test_pools_beyond_the_open_files_say_which_limit_to_raise():
    done = outcome(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        import zenoh_pinned
        pools = []
        try:
            while True:
                pools.append(zenoh_pinned.Pool(4096, slots=1))
        except OSError as error:
            print(len(pools), error)
        """
    )
    assert done.returncode == 0, done.stderr
    made, message = done.stdout.split(" ", 1)
    assert int(made) > 20
    assert "64 files" in message
    assert "ulimit -n" in message


@pytest.mark.parametrize("room", [1, 8])
def test_a_session_without_threads_is_an_error_that_names_no_machine(room):
    done = outcome(
        f"""
        import os, resource
        os.environ.pop("RUST_BACKTRACE", None)
        import zenoh_pinned
        mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        # No room for the stack of the thread that opens it, or of zenoh's own.
        resource.setrlimit(resource.RLIMIT_AS, (mapped + ({room} << 20), mapped + ({room} << 20)))
        try:
            zenoh_pinned.Session({{"scouting": {{"multicast": {{"enabled": False}}}}}})
        except RuntimeError as error:
            print(error)
        """
    )
    assert done.returncode == 0, done.stderr
    assert "thread" in done.stdout
    assert ("panic" in done.stderr) == (room > 1)
    assert ".rs" not in done.stderr + done.stdout


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare")
@pytest.mark.parametrize(("options", "used_up"), [("size=4k", "free of 4 KiB"), ("nr_inodes=1", "1 files")])
def test_a_session_opens_where_shared_memory_is_full_and_a_pool_says_what_is_used_up(options, used_up):
    mount = f'mount -t tmpfs -o {options} tmpfs /dev/shm && exec "$@"'
    done = outcome(
        """
        import zenoh_pinned
        session = zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}})
        try:
            session.declare_publisher("a", 4096)
        except OSError as error:
            print(error)
        session.close()
        """,
        ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", mount, "sh"],
    )
    assert done.returncode == 0, done.stderr
    assert used_up in done.stdout


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare")
def test_a_pool_too_large_for_64_mebibytes_of_shared_memory_says_what_to_do():
    mount = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'
    done = outcome(
        """
        import zenoh_pinned
        frame = 1920 * 1080 * 4
        try:
            zenoh_pinned.Pool(frame, slots=9)
        except OSError as error:
            print(error)
        zenoh_pinned.Pool(frame, slots=4)
        print("fits")
        """,
        ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", mount, "sh"],
    )
    assert done.returncode == 0, done.stderr
    assert "--shm-size" in done.stdout
    assert done.stdout.endswith("fits\n")
