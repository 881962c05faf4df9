"""How many messages may wait in a queue: enough for the workers until the next look, and no more.

What waits there can no longer be overtaken, so each message too many is a wait for a project that has
only just come.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.store.dispatch import LONGEST

LEAST = 4


@dataclass(kw_only=True, slots=True)
class Window:
    """Follows how fast messages are taken, from one look to the next.

    `least`: messages that may wait in any case. `left`: how many the last look left there.
    """

    least: int = LEAST
    left: int = 0

    def room(self, waiting: int) -> int:
        """How many more messages may be sent where so many wait.

        As many are wanted as were taken since the last look, and a quarter for chance. Where the queue
        ran dry, workers may have waited: twice as many.
        """
        taken = max(0, self.left - waiting)
        wanted = taken + taken // 4 if waiting else 2 * taken
        return max(0, min(LONGEST, max(self.least, wanted)) - waiting)
