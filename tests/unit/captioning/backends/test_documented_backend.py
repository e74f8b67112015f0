"""The example backend of docs/backends.md works as printed."""

import json
import re
import types
from pathlib import Path

from small_shards import CAPTIONER, make_shard, row

from booruflow.captioning.caption import Outputs, caption_shard

ROOT = Path(__file__).parents[4]


def test_the_documented_backend_captions_a_shard(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/backends.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) < 60
    module = types.ModuleType("anyvlm")
    exec(code, vars(module))
    shard = make_shard(tmp_path, [row(1), row(2)])
    captioner = CAPTIONER | {"backend": "anyvlm", "model": str(ROOT / "sample/captioner"), "max_new_tokens": 5}
    outputs = Outputs(*(tmp_path / name for name in ("raw", "skipped", "failed", "stats")))
    caption_shard(shard, captioner, [module.AnyVlm(captioner)], outputs, threads=1)
    lines = [json.loads(line) for line in outputs.raw.read_text().splitlines()]
    assert [(line["id"], line["completion_tokens"], line["finish_reason"]) for line in lines] == [
        (1, 5, "length"),
        (2, 5, "length"),
    ]
