"""What stops a deployment, said so that the person at the terminal knows what to do."""

from __future__ import annotations

from core.errors import RootnoteError


class DeployError(RootnoteError):
    """Each problem is one line that says what to do about it; none holds a secret."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))
