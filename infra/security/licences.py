"""Under which licence an installed package says that it is."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution

_LONGEST_NAME = 60
"""Some have the whole text where the name should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Licence:
    """`text` is an SPDX expression where `is_spdx`, else the package's own words, blank where it has none."""

    text: str
    is_spdx: bool


def licence_of(package: Distribution) -> Licence:
    """What is said by the newest field comes first."""
    metadata = package.metadata
    for expression in metadata.get_all("License-Expression") or ():
        return Licence(text=expression, is_spdx=True)
    [name] = metadata.get_all("License") or [""]
    if not name or len(name) > _LONGEST_NAME or "\n" in name:
        classifiers = [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
        name = " OR ".join(text.rpartition(":: ")[2] for text in classifiers)
    return Licence(text=name, is_spdx=False)
