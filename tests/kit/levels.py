"""Evaluators that others ask: each wants something else of the space of two layers."""

from evo_nas.evaluation.evaluator import Evaluator, Objective

GENOMES = [(i, j) for i in range(3) for j in range(3)]

HERE = __name__


class Cheap(Evaluator):
    """Likes large genes, or small ones."""

    needs_data = False

    def __init__(self, small: bool = False, fault: bool = False):
        self.objectives = (Objective("cheap", maximise=not small),)
        self.fault = fault

    def open(self, space, context):
        self.context = context

    def evaluate(self, genome):
        self.context.ledger.measured += 1
        return {"cheap": float("nan") if self.fault else 3 * genome[0] + genome[1]}


class Better(Evaluator):
    """Knows the truth; ``asked`` is about whom."""

    retrainer = "table"
    shares_weights = True

    def __init__(self, least: float = 0.0):
        self.least, self.asked = least, []

    def open(self, space, context):
        self.context = context

    def evaluate(self, genome):
        self.asked.append(genome)
        self.context.ledger.measured += 100
        return {"accuracy": self.least + (genome[0] + genome[1]) / 10, "loss": 1.0}

    def initial_weights(self, genome):
        return {"of": genome}

    def weights(self, genome):
        return self.context.folder / "weights"


class Lesser(Better):
    objectives = (Objective("loss", maximise=False),)


class Middle(Cheap):
    """Likes large second genes."""

    objectives = (Objective("middle"),)

    def __init__(self):
        self.asked = []

    def evaluate(self, genome):
        self.asked.append(genome)
        self.context.ledger.measured += 10
        return {"middle": genome[1]}


class Wild(Cheap):
    """Speaks of genomes that begin with 0 in numbers that others do not use."""

    def evaluate(self, genome):
        value = super().evaluate(genome)["cheap"]
        return {"cheap": value if genome[0] else (value - 3) * 1e300}


class Moody(Cheap):
    """Cannot score genomes with these digits in common."""

    def evaluate(self, genome):
        if genome[0] == genome[1]:
            raise RuntimeError("not that one")
        return super().evaluate(genome)


class MoodyToo(Better):
    def evaluate(self, genome):
        if genome[0] < genome[1]:
            raise RuntimeError("nor that one")
        return super().evaluate(genome)
