"""A trial beside the whole run: neither asks for what the other has, and neither makes the other run again."""

import json

from chat_server import Server, completion

SECRET = "body-secret-41bb07"


class Picky(Server):
    """Refuses one image, `refused`; with `refuses_first` that of the next request. Captions differ in length."""

    def __init__(self):
        super().__init__(answer=self.step)
        self.refused, self.refuses_first = None, False

    def step(self, body, number):
        if self.refuses_first:
            self.refused, self.refuses_first = self.image_of(body), False
        if self.image_of(body) == self.refused:
            return 400, "{}"
        return 200, completion(json.dumps({"general": f"Caption {number} of a cat" + " on a mat" * (number % 5) + "."}))

    @staticmethod
    def image_of(body):
        return body["messages"][-1]["content"][0]["image_url"]["url"]

    def asked(self):
        """The images and prompts of all requests since the last call, but for the probe with a plain image."""
        requests = [(self.image_of(body), body["messages"][-1]["content"][1]["text"]) for body in self.requests]
        self.requests.clear()
        return [(image, text) for image, text in requests if "<tags>1girl, solo</tags>" not in text]


def test_a_trial_after_the_whole_run_generates_nothing_and_makes_nothing_run_again(built, without_torch):
    before = len(built.journal())
    ran = built.run("trial", **without_torch)
    assert ran.jobs == {"trial_posts": 1, "trial_captions": 1, "trial": 1}
    assert "Nothing was timed: all captions were in the journal" in ran.text
    assert "33 images drawn of 33 without a caption, all that there are, though 64 were asked for" in ran.text
    trial = json.loads(built.path("trial/trial.json").read_bytes())
    answers = {str(post["id"]): post["answers"]["json"] for post in trial["posts"]}
    captions = {post: entry["caption"] for n in range(4) for post, entry in built.read(f"captions/good_{n}.json").items()}
    assert {post: answer["caption"] for post, answer in answers.items() if "caption" in answer} == captions
    assert len(built.journal()) == before and not list(built.folder.glob("journal/trial_json/*.part"))
    assert "Nothing to be done" in built.run().text


def test_a_whole_run_after_trials_asks_only_for_the_rest(make_project):
    server = Picky()
    project = make_project(
        captions__shards=2,
        captions__trial=6,
        captions__compare={"brief": {"openai": {"extra_body": {"token": SECRET}}, "style": "short"}},
        captioner__backend="openai",
        captioner__model="m",
        captioner__openai={"base_urls": [server.url], "retries": 0},
    )
    server.refuses_first = True
    ran = project.run("trial", cores=1)
    assert "33 images take " in ran.text and " with one job at a time" in ran.text
    asked = server.asked()
    refused, images = server.refused, {image for image, _ in asked} - {server.refused}
    assert len(images) in (4, 5), "one of the six may be unreadable"
    assert len({each for each in asked if each[0] in images}) == 2 * len(images) == len(asked) - 4, (
        "each in two variants, and twice the one that fails"
    )
    page = project.path("trial/index.html").read_text("utf-8")
    assert page.count("<h3>brief</h3>") == 6 and "openai of its own, style: short" in page
    assert page.count("failed: status 400") == 2
    written = [
        path for name in ("results", "journal", ".snakemake") for path in (project.folder / name).rglob("*") if path.is_file()
    ]
    assert len(written) > 20 and not [path for path in written if SECRET.encode() in path.read_bytes()]

    project.configure(captions__compare={}, captions__trial=8)
    server.refused = None
    ran = project.run("trial", cores=1)
    assert ran.jobs == {"trial_posts": 1, "trial_captions": 1, "trial": 1}
    more = {image for image, _ in server.asked()}
    assert not more & images and refused in more and 2 <= len(more) <= 3, "the six are among the eight"
    assert not project.path("trial/brief").exists()

    ran = project.run("meta_cap")
    assert ran.jobs["caption"] == 2
    rest = [image for image, _ in server.asked()]
    assert not set(rest) & (images | more) and len(set(rest)) == len(rest) == 32 - len(images) - len(more)
    assert project.plan("trial") == {}


def test_what_cannot_be_tried_is_said_in_one_line(make_project):
    project = make_project(inputs__images="", captions__compare={"long": {"model": "nowhere/none"}})
    assert "config.yaml: captions.compare.long.model: there is no folder nowhere/none" in project.run("trial", code=1).text
    project.configure(captions__compare={})
    ran = project.run("trial", code=1)
    assert ran.errors == ["error: config.yaml: captions.trial: nothing to draw: no post without a caption has an image"]
    assert "Traceback" not in ran.text and not project.path("trial").exists()
