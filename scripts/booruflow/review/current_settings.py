"""Which captions are of the present settings of a data set, by the digests that caption jobs write."""

from collections.abc import Mapping
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.planning import settings_digest
from booruflow.captioning.prompts.settings import for_style
from booruflow.core.errors import UserError
from booruflow.core.files import read_json
from booruflow.review.reading.settings import Settings
from booruflow.review.saving.store import signature_of


class CurrentSettings:
    """The digests of the present settings, of each style."""

    def __init__(self, settings: Settings) -> None:
        """Compute them. The first time after a change of a large model its files are read."""
        styles = settings.captioner["styles"]
        with chdir(settings.folder):  # where paths in the config begin
            self._digests = {style: _digests(for_style(settings.captioner, style)) for style in styles}
        self._outputs: dict[Path, tuple[object, bool]] = {}

    def include(self, style: str, digest: str) -> bool:
        """Whether a caption with this digest is of the present settings; without one, of earlier versions, it is taken to be."""
        return not digest or not self._digests[style] or digest in self._digests[style]

    def made(self, style: str, stats: Path) -> bool:
        """Whether they made the outputs of a shard, as far as its stats_{n}.json tells, which is read once for each state."""
        signature = signature_of(stats)
        if signature and self._outputs.get(stats, ((), True))[0] != signature:
            self._outputs[stats] = signature, all(self.include(style, digest) for digest in _recorded(stats))
        return self._outputs[stats][1] if signature else True


def _digests(captioner: Mapping[str, Any]) -> set[str]:
    """Those of all backends; none where they cannot be told, as without the folder of the model."""
    with suppress(UserError):
        return {settings_digest(captioner, backend, backend.identity()) for backend in open_backends(captioner)}
    return set()


def _recorded(stats: Path) -> list[str]:
    """The digests in the statistics of a shard; none of a damaged file, which the next run builds again."""
    with suppress(UserError, TypeError, AttributeError):
        return [record.get("settings", "") for record in read_json(stats)]
    return []
