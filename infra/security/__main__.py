"""`python -m infra.security`: audits of the locks, and bills of materials."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from infra.bundle.errors import BundleError
from infra.security.audit import audit
from infra.security.bill import bill_of, text_of
from infra.security.errors import SecurityError
from infra.security.locks import ROOT, lock_files
from infra.security.products import products
from infra.security.tools import AUDIT_PROGRAMS, last_line, run_tool

BILLS = ROOT / ".sbom"


def main(argv: list[str] | None = None) -> int:
    """Return the exit code: an audit's own, or 2 where it could not be made."""
    words = _parser().parse_args(argv)
    try:
        if words.command == "sbom":
            return write_bills(words.to)
        return audit(lock_files(), osv_url=words.osv_url, unreachable_is_fine=words.allow_unreachable)
    except (SecurityError, BundleError) as exc:
        print(f"security: {exc}", file=sys.stderr)
        return 2


def write_bills(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for product in products(os.environ):
        file = folder / f"{product.name}.cdx.json"
        bill = bill_of(product)
        file.write_text(text_of(bill))
        files.append(file)
        print(f"{file}: {len(bill['components'])} packages, {bill['serialNumber']}")
    checker = Path(__file__).with_name("schema_check.py")
    done = run_tool(AUDIT_PROGRAMS / "python", ["-I", str(checker), *map(str, files)])
    if done.returncode:
        raise SecurityError(f"not what CycloneDX asks for: {last_line(done.stderr)}")
    print("each is valid CycloneDX 1.6")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.security", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    auditing = commands.add_parser("audit", help="known vulnerabilities and withdrawn versions in the locks")
    auditing.add_argument(
        "--osv-url", default="", help="ask this source of advisories, which speaks OSV's wire"
    )
    auditing.add_argument(
        "--allow-unreachable",
        action="store_true",
        help="0 also where no source tells of a package, which is said all the same",
    )
    bills = commands.add_parser("sbom", help="bills of materials of what is deployed, as CycloneDX JSON")
    bills.add_argument("--to", type=Path, default=BILLS, help="this folder (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
