import math

import pytest
import torch

from evo_nas.training.teachers.distillation import distillation_loss

STUDENT = torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.5, 2.0]])
TEACHER = torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]])


def probabilities(logits, temperature):
    weights = [[math.exp(value / temperature) for value in row] for row in logits.tolist()]
    return [[weight / sum(row) for weight in row] for row in weights]


def test_hard_is_the_cross_entropy_to_what_the_teacher_holds_most_probable():
    by_hand = [-math.log(probabilities(STUDENT, 1)[row][best]) for row, best in ((0, 1), (1, 0))]
    loss = distillation_loss(STUDENT, TEACHER, "hard")
    assert float(loss) == pytest.approx(sum(by_hand) / 2)
    assert distillation_loss(STUDENT, TEACHER * 9, "hard") == loss


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_is_the_divergence_of_both_distributions_at_a_temperature(temperature):
    student, teacher = (probabilities(each, temperature) for each in (STUDENT, TEACHER))
    by_hand = sum(
        p * math.log(p / q)
        for ps, qs in zip(teacher, student, strict=True)
        for p, q in zip(ps, qs, strict=True)
    )
    loss = distillation_loss(STUDENT, TEACHER, "soft", temperature)
    assert float(loss) == pytest.approx(temperature**2 * by_hand / 2, rel=1e-5)
    assert float(distillation_loss(TEACHER, TEACHER, "soft", temperature)) == pytest.approx(0)


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_the_student_learns_and_the_teacher_does_not(kind):
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    distillation_loss(student, teacher, kind, 2.0).backward()
    assert teacher.grad is None
    assert (student.grad.abs().amax(1) > 0).all()
    # Towards what the teacher holds most probable: a step down the gradient makes that likelier.
    assert (student.grad.gather(1, TEACHER.argmax(1, keepdim=True)) < 0).all()
