"""The command line of `booruflow`: one function a command, which imports what it needs only when it is called."""

import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from booruflow.core.errors import UserError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("booruflow"))
        raise typer.Exit


@app.callback()
def booruflow(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Make the folder of a data set, inspect it, and continue interrupted runs. It is built by `snakemake` in that folder."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Metadata, existing captions, a kohya meta_lat.json, and the folder of images, in any order."),
    ] = None,
) -> None:
    """Make the folder of a data set.

    Finds out what each file is and which columns it has, and writes FOLDER/config.yaml with every setting explained. The files
    stay where they are.
    """
    from booruflow.cli.init import init_folder

    for line in init_folder(folder, files or []):
        typer.echo(line)


@app.command()
def progress(
    folder: Annotated[Path, typer.Argument(help="Folder of the data set.")] = Path(),
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it, with rate and time left, until Ctrl-C.")] = False,
) -> None:
    """Show how many captions each shard has, in each style.

    Works while caption jobs run. Captions of another model, prompt or setting than config.yaml has now are not counted.
    """
    from booruflow.cli.watch import show_progress, watch_progress

    (watch_progress if watch else show_progress)(folder, sys.stdout)


@app.command()
def review(
    folder: Annotated[Path, typer.Argument(help="Folder of the data set.")] = Path(),
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but a loopback address needs the printed token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any that is free.", min=0, max=65535)] = 8420,
) -> None:
    """Look at images and captions in the browser, and repair captions.

    Serves a page until it is interrupted, and prints its address. Edits are saved in FOLDER/edited/, from where the next run
    of the workflow takes them. The page never starts jobs.
    """
    try:
        from booruflow.review.pages.serve import serve
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("starlette", "uvicorn"):
            raise
        raise UserError(
            f"the review page needs {package}: run `python -m pip install --group review` in the clone of booruflow"
        ) from error
    serve(folder, host, port)


class _Verbatim(TyperCommand):
    """A command that passes all its arguments on as they are, `--` too, which the parser would take out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (click's context, which typer hides)
        given = [*args]
        super().parse_args(ctx, args)
        ctx.args = given
        return given


@app.command(cls=_Verbatim, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def resume(context: typer.Context) -> None:
    """Continue after Snakemake itself was killed.

    That is after kill -9, lack of memory or a power failure; after Ctrl-C or a failed job, just run `snakemake` again. Run it
    in the folder of the killed run, with that run's arguments, such as `booruflow resume --cores 8`. It stops jobs that the
    killed run left behind (caption jobs keep what they have finished), removes the stale lock and runs Snakemake.
    """
    from booruflow.cli.resume import resume_run

    raise typer.Exit(resume_run(Path.cwd(), context.args))


class Kind(StrEnum):
    """What to search among."""

    posts = "posts"
    tags = "tags"


@app.command()
def similar(
    tag: Annotated[str | None, typer.Option(help="Search near this tag.")] = None,
    post: Annotated[int | None, typer.Option(help="Search near the post with this id.")] = None,
    among: Annotated[Kind | None, typer.Option(help="Search among tags or posts.  [default: the kind searched for]")] = None,
    folder: Annotated[Path, typer.Option(help="Folder of the rules embed_posts and embed_tags.")] = Path("results/embed"),
    top: Annotated[int, typer.Option(help="Number of results.", min=1)] = 10,
    dimensions: Annotated[int | None, typer.Option(help="Compare only the first dimensions.  [default: all]", min=1)] = None,
) -> None:
    """Find tags or posts near a tag or a post.

    Compares the vectors of the tag-set model by cosine similarity. Tags that no post of the training set has are left out.
    """
    if (tag is None) == (post is None):
        raise typer.BadParameter("give either --tag or --post")
    from booruflow.tag_model import similar as search

    query: str | int = tag if tag is not None else post  # type: ignore[assignment]
    kind = among or (Kind.tags if tag is not None else Kind.posts)
    for key, cosine in search.similar(folder, query, kind.value, top, dimensions):
        typer.echo(f"{cosine:.3f}  {key}")


def main() -> None:
    """Run the command line; errors that the user can correct are one line and exit code 1."""
    try:
        app()
    except UserError as error:
        sys.exit(f"error: {error}")
