"""Requests that a real HTTP server never answers: exit codes, what the next runs repeat, and what is written of secrets."""

import json
import shutil

from chat_server import Server, completion

KEY, BODY, PASSWORD = "sk-key-4f9d1c0a77e2", "body-secret-99aa77", "pw-secret-55bb"
TARGETS = ("meta_cap", "failed", "report")
FINE = (200, completion('{"general": "A cat sits on a mat in the evening sun."}'))


class Picky(Server):
    """Never answers the request that came first, and quotes it with its headers in the error."""

    def __init__(self):
        super().__init__(answer=self.step)
        self.images, self.picky = [], True

    def step(self, body, _):
        image = body["messages"][1]["content"][0]["image_url"]["url"]
        self.images.append(image)
        if self.picky and image == self.images[0]:
            return 400, json.dumps({"error": f"{body} {self.authorizations[-1]}"})
        return FINE


def test_a_failed_request_is_an_outcome_of_its_own_and_no_secret_is_written(make_project):
    server = Picky()
    url = server.url.replace("://", f"://me:{PASSWORD}@")
    options = {"base_urls": [url], "retries": 0, "api_key_file": "key", "extra_body": {"auth": [{"token": BODY}]}}
    project = make_project(captions__shards=1, captioner__backend="openai", captioner__model="m", captioner__openai=options)
    (project.folder / "key").write_text(f"{KEY}\n")

    text = project.run(*TARGETS, code=1).text
    assert "1 caption request failed, such as that of post " in text.splitlines()[-1]
    ((post, failure),) = project.read("captions/failed.json").items()
    assert (failure["attempts"], failure["reason"][:11]) == (1, "status 400:")
    raw = [json.loads(line)["id"] for line in project.path("captions/raw_0.jsonl").read_text().splitlines()]
    skipped = project.read("captions/skipped_0.json")
    assert sorted([*raw, *map(int, skipped), int(post)]) == json.loads(project.path("missing/split_0.json").read_text())
    assert len(set(server.images)) == len(raw) + 2 and post not in project.read("meta_cap.json")

    attempts = next(project.path("captions/attempts").glob("*.jsonl"))
    attempts.write_text(attempts.read_text() * 3)  # as after two more runs
    before, server.images[1:] = list(server.images), []
    assert project.plan(*TARGETS)["caption"] == 1
    # a run that only notes it, and narrow ones that have nothing to do
    for target, jobs in (("meta_cap", 1), ("results/meta_cap.json", 0), ("results/captions/bad_0.json", 0)):
        ran = project.run(target, code=1)
        assert (ran.jobs.get("caption", 0), server.images[1:]) == (jobs, [])
        assert "1 of them will not be repeated, after 3 failed runs, until you delete" in ran.text.splitlines()[-1]
    assert "Traceback" not in ran.text and "Nothing to be done" not in ran.text
    assert project.run("tags_json").jobs == {}
    project.run("meta_cap", "failed", code=1)

    server.picky = False
    shutil.rmtree(project.path("captions/attempts"))
    project.run(*TARGETS)
    assert server.images[1:] == before[:1] and project.read("captions/failed.json") == {}
    assert post in project.read("meta_cap.json")
    assert project.plan(*TARGETS) == {}

    project.run("--report", "report.html", "--", *TARGETS)
    files = [path for path in project.folder.rglob("*") if path.is_file() and path.name not in ("key", "config.yaml")]
    assert len(files) > 100 and (project.folder / "report.html") in files
    written = {path: path.read_bytes() for path in files}
    assert [path for path, data in written.items() if any(secret.encode() in data for secret in (KEY, BODY, PASSWORD))] == []
