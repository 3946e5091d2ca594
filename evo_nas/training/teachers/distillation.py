"""What a student learns from a teacher's logits: hard and soft distillation.

Source: Touvron et al. 2021, "Training data-efficient image transformers & distillation through
attention" (DeiT), section 4; soft: Hinton et al. 2015.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from evo_nas.training.recipe import Distillation


def distillation_loss(
    logits: Tensor, teacher: Tensor, kind: Distillation, temperature: float = 1.0
) -> Tensor:
    """The mean loss of a student's logits against those of a teacher, both (n, classes).

    "hard" is the cross entropy to the teacher's most probable class, which is not smoothed. "soft"
    is the Kullback-Leibler divergence of the student's from the teacher's distribution, both at
    ``temperature``, whose square keeps its gradients as large as those of labels. The teacher's
    logits carry no gradient.
    """
    teacher = teacher.detach()
    if kind == "hard":
        return functional.cross_entropy(logits, teacher.argmax(1))
    student, taught = (functional.log_softmax(each / temperature, 1) for each in (logits, teacher))
    divergence = functional.kl_div(student, taught, reduction="batchmean", log_target=True)
    return divergence * temperature**2
