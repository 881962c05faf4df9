"""`python -m infra.containers`: the worker's image, built on this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.containers.engine import find_engine
from infra.containers.errors import ContainerError
from infra.containers.image import TAG, build_worker

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".local" / "containers"


def main(argv: Sequence[str]) -> int:
    """Return the exit code."""
    words = _parser().parse_args(argv)
    try:
        engine = find_engine(FOLDER)
        _say(f"engine: {engine.kind} {engine.version}")
        if words.command == "build":
            image = build_worker(
                engine, ROOT, tag=words.tag, platform=words.platform, say=_say, show=not words.quiet
            )
            _say(
                f"built {image.tag} for {image.platform}: {image.size / 1e6:.0f} MB unpacked, {image.id[:19]}"
            )
            if image.base.is_stand_in:
                _warn(f"it stands on {image.base.name}, not on the official image: try it, do not deploy it")
    except ContainerError as error:
        _warn(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _warn(text: str) -> None:
    """In yellow on a terminal."""
    print(f"\x1b[33m{text}\x1b[0m" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.containers",
        description="The worker's image, by docker or, where its daemon does not answer, podman. "
        "As root podman keeps everything in .local/containers.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("engine", help="say which engine is used")
    build = commands.add_parser("build", help="build Dockerfile.worker (minutes at first) and print its size")
    build.add_argument("--tag", default=TAG, help="the image's name (default: %(default)s)")
    build.add_argument(
        "--platform",
        help="linux/amd64 or linux/arm64; default: this machine's. Another one needs binfmt emulation",
    )
    build.add_argument("--quiet", action="store_true", help="do not show the engine's own output")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
