"""Stop signals end a process between writes; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from evo_nas.core.signals import Stopped, stopped_by_signals, undivided


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_at_once_where_nothing_is_written(number, code):
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Stopped) as stop, stopped_by_signals():  # noqa: PT012
        os.kill(os.getpid(), number)
        pytest.fail("the signal came too late")
    assert stop.value.exit_code == code
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_write_is_finished_first():
    done = []
    with pytest.raises(Stopped), stopped_by_signals():  # noqa: PT012
        with undivided():
            os.kill(os.getpid(), signal.SIGTERM)
            with undivided():
                done.append("inner")
            done.append("outer")
        done.append("after")
    assert done == ["inner", "outer"]


def test_what_cleans_up_may_write():
    done = []
    with pytest.raises(Stopped), stopped_by_signals():  # noqa: PT012
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            with undivided():
                done.append("account of time")
    assert done == ["account of time"]


def test_an_error_in_a_write_is_told_though_a_signal_came():
    with pytest.raises(OSError, match="disk full"), stopped_by_signals(), undivided():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        raise OSError("disk full")


def test_a_second_signal_ends_the_process_even_within_a_write():
    script = """if True:
        import os, signal
        from evo_nas.core.signals import stopped_by_signals, undivided
        with stopped_by_signals():
            with undivided():
                os.kill(os.getpid(), signal.SIGINT)
                print("first", flush=True)
                os.kill(os.getpid(), signal.SIGINT)
                print("second", flush=True)
    """
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout.split(), ended.stderr) == (130, [b"first"], b"")


def test_other_threads_leave_the_handlers_alone():
    seen = []

    def work():
        with stopped_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.slow
def test_a_second_signal_while_the_process_ends_is_no_traceback() -> None:
    code = (
        "import atexit, signal, sys\n"
        "from evo_nas import cli\n"
        "atexit.register(signal.raise_signal, signal.SIGINT)\n"  # as from an impatient user
        "sys.argv = ['evo-nas', 'list', 'strategies']\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == ""
