"""`mercat export`."""

import asyncio
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mercat.errors import MercatError

if TYPE_CHECKING:
    from mercat.engine import Engine
    from mercat.exporting import Exporter

_SHOWN = 20


class ExportGroup(click.Group):
    """One command for each exporter of the enabled plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(exporter.noun for exporter in _exporters(ctx.obj))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for exporter in _exporters(ctx.obj):
            if exporter.noun == cmd_name:
                return _command(exporter)
        return None


def _exporters(config: Path | None) -> "list[Exporter[Any]]":
    from mercat.cli.settings import engine_from

    return _exporters_of(engine_from(config))


def _exporters_of(engine: "Engine") -> "list[Exporter[Any]]":
    from mercat import lifecycle

    return [
        found for _, exporters in engine.hooks.gather(lifecycle.exporters) for found in exporters
    ]


@click.group("export", cls=ExportGroup)
def export_group() -> None:
    """Write what the shop has into a file, or to standard output."""


def _command(exporter: "Exporter[Any]") -> click.Command:
    formats = "\b\n" + "\n".join(f"  {f.name:<10} {f.title}" for f in exporter.formats)

    def run(
        config: Path | None,
        *,
        format_name: str,
        output: Path | None,
        demo: bool,
        status: str | None = None,
    ) -> None:
        from mercat.cli.settings import engine_from

        engine = engine_from(config, demo=demo)
        found = next(e for e in _exporters_of(engine) if e.noun == exporter.noun)
        notes = Notes()
        try:
            with _opened(output) as file:
                count = asyncio.run(_export(engine, found, file, format_name, status, notes))
        except BrokenPipeError:
            raise  # click ends silently where the reader has gone, as `head` does
        except OSError as error:
            where = output or "standard output"
            raise MercatError(f"{where} can't be written: {error.strerror}") from None
        if output is not None:
            click.echo(f"{found.noun}: {count:,} written to {output}", err=True)
        notes.show()

    command: click.Command = click.command(
        exporter.noun,
        help=f"{exporter.description}\n\nFormats:\n\n{formats}",
        short_help=exporter.description,
        params=_options(exporter),
    )(click.pass_obj(run))
    return command


def _options(exporter: "Exporter[Any]") -> list[click.Parameter]:
    names = [f.name for f in exporter.formats]
    status = click.Option(
        ["--status"],
        type=click.Choice(list(exporter.statuses)),
        help=f"Only {exporter.noun} with this status; all of them if left out.",
    )
    return [
        click.Option(
            ["--format", "format_name"],
            type=click.Choice(names),
            default=names[0],
            show_default=True,
            help="How the file is written.",
        ),
        click.Option(
            ["--output", "-o"],
            type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
            help="The file to write, which appears once it is whole; standard output if left out.",
        ),
        *([status] if exporter.statuses else ()),
        click.Option(["--demo"], is_flag=True, help="Of the demo shop."),
    ]


class Notes:
    """What a format couldn't take, in constant memory: a count and the first few."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def add(self, note: str) -> None:
        self._count += 1
        if len(self._first) < _SHOWN:
            self._first.append(note)

    def show(self) -> None:
        if self._count:
            click.echo(f"Notes ({self._count:,}):", err=True)
        for note in self._first:
            click.echo(f"  {note}", err=True)
        if self._count > len(self._first):
            click.echo(f"  … and {self._count - len(self._first):,} more", err=True)


async def _export(
    engine: "Engine",
    exporter: "Exporter[Any]",
    file: BinaryIO,
    name: str,
    status: str | None,
    notes: Notes,
) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from mercat.exporting import export_to

    bars = Progress(
        TextColumn("{task.fields[rows]:>9,} " + exporter.noun),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    async with engine:
        with bars:
            bar = bars.add_task("export", total=None, rows=0)
            return await export_to(
                exporter,
                engine.context(),
                file,
                format_name=name,
                status=status,
                progress=lambda done, whole, rows: bars.update(
                    bar, completed=done, total=whole, rows=rows
                ),
                on_note=notes.add,
            )


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """The file to write into: whole under its name at the end, or not there at all."""
    if output is None or str(output) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    output = output.resolve()  # a link stays one
    if output.exists() and not output.is_file():  # a pipe or a device can't be replaced
        with output.open("wb") as file:
            yield file
        return
    beside = output.with_name(f".{output.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
