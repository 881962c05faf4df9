"""`python -m tests.route_table [--write FILE]`: the table as Markdown, or into its place in a page."""

from __future__ import annotations

from pathlib import Path

import click

from tests.route_table.markdown import table, within


@click.command()
@click.option("--write", "page", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(page: Path | None) -> None:
    """Print the table, or put it between the marks in a page."""
    if page is None:
        click.echo(table(), nl=False)
    else:
        page.write_text(within(page.read_text(encoding="utf-8"), table()), encoding="utf-8")


main()
