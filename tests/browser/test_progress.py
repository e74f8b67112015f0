"""The page that shows captioning as it goes."""

from dataclasses import asdict

import polars as pl
import pytest
import yaml
from playwright.sync_api import expect
from review_posts import BadPost, write_data_set
from small_shards import row

from booruflow.captioning.gpus.monitor import GpuReading
from booruflow.captioning.journal import Journal
from booruflow.captioning.shards import SHARD_SCHEMA
from booruflow.review.live_progress import Progress, ShardState

SHARDS = [
    ShardState("danbooru-long", 0, 312_500, 301_022, 11_478, "done"),
    ShardState("danbooru-long", 1, 312_500, 98_765, 1_234, "running", 2.0),
    ShardState("danbooru-short", 10, 312_500, 0, 0, "not started"),
]
GPUS = [GpuReading("NVIDIA H100 80GB HBM3", 71, 60 << 30, 80 << 30, 98), GpuReading("does not answer", None, None, None, None)]
FULL = Progress(SHARDS, 937_500, 399_787, 12_712, 13.25, 39_000.0, 12, 301_022, running=True, gpus=GPUS, engine_log=["x " * 200])


@pytest.mark.parametrize("width", [1400, 390])
def test_all_of_it_fits(tmp_path, context, serve, width):
    server = serve(write_data_set(tmp_path / "set", [BadPost(1)]))
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 844})
    page.route("**/api/progress", lambda route: route.fulfill(json=asdict(FULL)))
    page.goto(server.url("/progress"))
    figures = page.locator(".figure")
    expect(figures.nth(0)).to_contain_text("399,787")
    expect(figures.nth(0)).to_contain_text("of 937,500, 44.0% · in 2 styles · 12,712 skipped or failed")
    expect(figures.nth(2)).to_contain_text("10 h 50 min")
    expect(figures.nth(4)).to_contain_text("0: NVIDIA H100 80GB HBM3")
    expect(figures.nth(4)).to_contain_text("71 °C")
    expect(figures.nth(5)).to_contain_text("1: does not answer")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tbody tr").nth(2)).to_contain_text("not started")
    for element in (".table", "html"):
        assert page.locator(element).evaluate("element => element.scrollWidth <= element.clientWidth"), element


def test_it_follows_the_journal_of_each_style(tmp_path, context, serve):
    folder = write_data_set(tmp_path / "set", [BadPost(number) for number in range(1, 5)])
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    config["captioner"]["styles"] = ["json", "long"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    (folder / "results/captions/raw_0.jsonl").unlink()
    server = serve(folder)
    page = context.new_page()
    page.goto(server.url("/progress"))
    expect(page.get_by_text("nothing captioned yet: start with `snakemake --cores 8`")).to_be_visible()
    (folder / "results/missing").mkdir()
    rows = [row(number, image=None if number == 4 else f"{number}.webp") for number in range(1, 5)]
    pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row").write_parquet(folder / "results/missing/split_0.parquet")
    captions = page.locator(".figure").first
    expect(captions).to_contain_text("of 8, 25.0% · in 2 styles · 2 skipped or failed")
    with Journal(folder / "journal/long", 0, 1) as journal:
        entry = {"key": "0" * 32, "text": "", "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 5, "seconds": 0.5}
        journal.append([entry | {"id": 2}, entry | {"id": 3}])
    expect(captions).to_contain_text("of 8, 50.0%")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("long")
    expect(page.locator("tbody tr").nth(1).locator("td").nth(3)).to_have_text("2")
