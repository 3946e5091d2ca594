"""Flags that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Space = Annotated[str, typer.Option(help="The search space.")]
Flops = Annotated[
    str | None,
    typer.Option(help="The budget: 1.4G, 1400M or 1.3G..1.4G [1.4G, without other limits]."),
]
Params = Annotated[str | None, typer.Option(help="A limit on parameters: 6M or 4M..6M.")]
Latency = Annotated[
    str | None, typer.Option(help="A limit on the time here of one image at the target: 15ms.")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(help="A limit on any metric, as 'accuracy>=0.9'; may be repeated."),
]
Evaluator = Annotated[str, typer.Option(help="What scores candidates.")]
Supernet = Annotated[
    Path | None, typer.Option(help="An earlier run, whose shared weights are used again.")
]
Retrainer = Annotated[
    str | None, typer.Option(help="What scores finalists [train, or as the evaluator says].")
]
Data = Annotated[
    str | None,
    typer.Option(help="digits, or a folder of images [digits, where images are needed]."),
]
Geometry = Annotated[str, typer.Option(help="proxy or target, with changes as proxy,width=96.")]
Recipe = Annotated[str, typer.Option(help="quick, paper (also named deit), or a TOML file.")]
Epochs = Annotated[int | None, typer.Option(help="Of a supernet [recipe].")]
FinalistEpochs = Annotated[int | None, typer.Option(help="Of a retraining [recipe].")]
Inherit = Annotated[
    bool, typer.Option("--inherit", help="Finalists start from the supernet's weights.")
]
Samples = Annotated[int, typer.Option(help="Candidates a stage.")]
Population = Annotated[int, typer.Option(help="Candidates a generation.")]
Parents = Annotated[int, typer.Option(help="The best so far that are bred from.")]
Crossover = Annotated[int | None, typer.Option(help="Children by crossover [half the population].")]
Mutation = Annotated[int | None, typer.Option(help="Children by mutation [the rest].")]
MutationRate = Annotated[float, typer.Option(help="Probability a gene.")]
Finalists = Annotated[int, typer.Option(help="Retrained at the end of a stage.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int, typer.Option(help="CPU threads of supernet training.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]
Failures = Annotated[
    float, typer.Option(help="The share of candidates that may fail before the run stops.")
]
TimeLimit = Annotated[
    float, typer.Option(help="Seconds a candidate, if its evaluator works in processes [none].")
]
FinalistTimeLimit = Annotated[
    float, typer.Option(help="Seconds a retraining, if the retrainer works in processes [none].")
]
