"""Listeners that pass things on."""

from evo_nas.core.progress import Messages
from tests.kit.runs import Listener


class Hearing(Listener):
    def start(self, what, total, unit):
        self.heard.append(what)


def test_messages_are_passed_on_once_and_phases_are_not():
    listener = Hearing()
    messages = Messages(listener)
    messages.start("training", 3, "epochs")
    messages.advance(1, "well")
    for message in ("memory is short", "it goes on", "memory is short"):
        messages.say(message)
    assert listener.heard == ["memory is short", "it goes on"]
