"""The backend for servers that others run, and its answers to small requests."""

from PIL import Image
from small_shards import CAPTIONER

from booruflow.captioning.backends.interface import Request
from booruflow.captioning.backends.openai import OpenAIBackend
from booruflow.captioning.prompts.prompt import prompt_of


def backend_for(*urls, **changes):
    options = {"base_urls": list(urls), "api_key_file": None, "timeout": 1.0, "retries": 2, "extra_body": {}}
    return OpenAIBackend(CAPTIONER | {"model": "m", "openai": options | changes.pop("openai", {})} | changes)


def answers_of(backend, count, size=(60, 40)):
    requests = [Request(n, prompt_of("json", "1girl", ""), Image.new("RGB", size, (n, 0, 0))) for n in range(count)]
    batches = ([backend.prepare(request)] for request in requests)
    answers = [answer for part in backend.generate(batches) for answer in part]
    assert sorted(answer.id for answer in answers) == list(range(count))
    return {answer.id: answer for answer in answers}
