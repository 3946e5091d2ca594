"""A callback: it writes a line for each evaluation, and ends a stage that is good enough."""

from evo_nas.callbacks import Callback


class MyCallback(Callback):
    def __init__(self, *, enough: float = 0.95) -> None:  # as MyCallback?enough=0.9
        self.enough = enough

    def run_begun(self, run):  # also of a run that goes on: what is recorded is not told again
        self.file = run.folder / "my_callback.log"

    def evaluation_done(self, evaluation):
        told = evaluation.failure or dict(evaluation.metrics)
        with self.file.open("a") as file:
            file.write(f"{evaluation.stage} {evaluation.phase} {evaluation.genome}: {told}\n")
        accuracy = evaluation.metrics.get("accuracy", 0)
        if evaluation.phase == "search" and accuracy >= self.enough:
            return f"accuracy {accuracy:.3f} is enough"  # the reason why this stage's search ends
        return None
