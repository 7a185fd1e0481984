"""`mercat import`."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from mercat.errors import MercatError

if TYPE_CHECKING:
    from mercat.engine import Engine
    from mercat.importing import Importer, Rejected, Tally

_SHOWN = 20


class ImportGroup(click.Group):
    """One command for each importer of the enabled plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(importer.noun for _, importer in _importers(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for _, importer in _importers(ctx):
            if importer.noun == cmd_name:
                return _command(importer)
        return None


def _importers(ctx: click.Context) -> "list[tuple[str, Importer[Any]]]":
    from mercat.cli.settings import engine_from

    return engine_from(ctx.obj).importers()


@click.group("import", cls=ImportGroup)
def import_group() -> None:
    """Read a file into the shop; reading it twice changes nothing."""


def _command(importer: "Importer[Any]") -> click.Command:
    formats = "\b\n" + "\n".join(f"  {f.name:<10} {f.title}" for f in importer.formats)

    @click.command(
        importer.noun,
        help=f"{importer.description}\n\nFormats, told apart by their content:\n\n{formats}",
        short_help=importer.description,
    )
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option(
        "--format",
        "format_name",
        type=click.Choice([f.name for f in importer.formats]),
        help="The file's format, where its content doesn't tell.",
    )
    @click.option("--demo", is_flag=True, help="Into the demo shop.")
    @click.option(
        "--rejects",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write every rejected row and note here, as JSON Lines.",
    )
    @click.pass_obj
    def command(
        config: Path | None,
        *,
        file: Path,
        format_name: str | None,
        demo: bool,
        rejects: Path | None,
    ) -> None:
        from mercat.cli.settings import engine_from

        engine = engine_from(config, demo=demo)
        found = next(i for _, i in engine.importers() if i.noun == importer.noun)
        asyncio.run(_import(engine, found, file, format_name, rejects))

    return command


async def _import(
    engine: "Engine", importer: "Importer[Any]", file: Path, name: str | None, rejects: Path | None
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from mercat.importing import import_file

    chosen = importer.format(file, name)
    console = Console(stderr=True)
    console.print(f"{file.name}: {chosen.title}")
    progress = Progress(
        TextColumn("{task.fields[rows]:>9,} rows"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not sys.stderr.isatty(),
    )
    size = file.stat().st_size  # noqa: ASYNC240  before the loop has anything else to do
    summary = Summary(importer.noun)
    written = rejects.open("w", encoding="utf-8") if rejects else None
    try:
        async with engine:
            with progress:
                bar = progress.add_task("import", total=size, rows=0)
                await import_file(
                    importer,
                    engine.context(),
                    file,
                    format_name=name,
                    progress=lambda read, rows: progress.update(bar, completed=read, rows=rows),
                    on_tally=lambda tally: summary.add(tally, written),
                )
    finally:
        if written is not None:
            written.close()
    summary.show(rejects)
    if summary.taken == 0 and summary.rejected:
        raise MercatError(f"no {importer.noun} were imported")


class Summary:
    """What an import did, in constant memory: counts, reasons, and the first few places."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[Rejected]] = {"rejected": [], "notes": []}

    @property
    def taken(self) -> int:
        return sum(self._counts[key] for key in ("created", "updated", "unchanged"))

    @property
    def rejected(self) -> int:
        return self._counts["rejected"]

    def add(self, tally: "Tally", written: TextIO | None) -> None:
        for key in ("created", "updated", "unchanged"):
            self._counts[key] += getattr(tally, key)
        for key in ("rejected", "notes"):
            rows: list[Rejected] = getattr(tally, key)
            self._counts[key] += len(rows)
            self._first[key] += rows[: _SHOWN - len(self._first[key])]
            for row in rows if written is not None else ():
                line = {"kind": key, "where": row.where, "reason": row.reason}
                print(json.dumps(line, ensure_ascii=False), file=written)

    def show(self, rejects: Path | None) -> None:
        """Print the summary; what was rejected, where and why, comes last."""
        counts = self._counts
        click.echo(
            f"{self._noun}: {counts['created']:,} created, {counts['updated']:,} updated, "
            f"{counts['unchanged']:,} unchanged, {counts['rejected']:,} rejected"
        )
        for key, heading in (("notes", "Taken, but"), ("rejected", "Rejected")):
            if counts[key]:
                click.echo(f"{heading} ({counts[key]:,}):")
            for row in self._first[key]:
                click.echo(f"  {row.where}: {row.reason}")
            if counts[key] > len(self._first[key]):
                where = f"see {rejects}" if rejects else "--rejects FILE writes them all"
                click.echo(f"  … and {counts[key] - len(self._first[key]):,} more; {where}")
