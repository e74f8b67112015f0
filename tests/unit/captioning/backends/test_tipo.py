import pytest
import torch
from small_shards import CAPTIONER
from tiny_models import tiny_llama

from booruflow.captioning.backends import Request, Result
from booruflow.captioning.prompts import Prompt
from booruflow.core.errors import UserError

pytest.importorskip("kgen", reason="tipo-kgen is not installed")
from booruflow.captioning.backends.tipo import TipoBackend, tipo_prompt

TAGS = "general: long hair, 1girl, 1.5:1 aspect, ^_^\ncharacters: hanako wisterlea\nartist: moth inkwell"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_llama(tmp_path_factory.mktemp("models") / "tipo")


def made(folder, **changes):
    backend = TipoBackend(CAPTIONER | {"tipo": {"model": str(folder), "revision": None}} | changes)
    backend.load()
    return backend


def test_the_prompt_is_tipos_and_ends_where_the_long_text_begins():
    assert tipo_prompt(TAGS) == (
        "artist: moth inkwell\ncharacters: hanako wisterlea\n"
        "target: <|long|> <|tag_to_long|>\n"
        "tag: 1girl, long hair, 1.5:1 aspect, ^_^\nlong:"
    )


def test_a_post_without_general_tags_has_a_prompt_too():
    assert tipo_prompt("artist: moth inkwell").endswith("tag: \nlong:")


def test_a_padded_batch_says_what_each_request_alone_says(folder):
    backend = made(folder)
    prompts = [Prompt("", "general: 1girl"), Prompt("", TAGS), Prompt("", "general: " + ", ".join(["hat"] * 30))]
    prepared = [backend.prepare(Request(n, prompt, None)) for n, prompt in enumerate(prompts)]
    (together,) = backend.generate(iter([prepared]))
    alone = [outcome for some in backend.generate(iter([[one] for one in prepared])) for outcome in some]
    assert [one.text for one in together] == [one.text for one in alone]
    assert all(isinstance(one, Result) for one in together)
    assert [one.prompt_tokens for one in together] == [one.size for one in prepared]


def test_the_identity_is_that_of_its_own_model(folder):
    identity = made(folder).identity()
    assert identity["model"].startswith("folder:")
    assert identity != made(folder, max_new_tokens=5).identity()
    with pytest.raises(UserError, match=r"captioner\.tipo\.model: there is no folder nowhere"):
        TipoBackend(CAPTIONER | {"tipo": {"model": "nowhere", "revision": None}}).identity()
