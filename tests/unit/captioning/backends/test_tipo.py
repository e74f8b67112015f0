import pytest
import torch
from small_shards import CAPTIONER
from tiny_models import tiny_llama

from booruflow.captioning.backends.interface import Generation, Request
from booruflow.captioning.prompts.prompt import Prompt
from booruflow.core.errors import UserError

pytest.importorskip("kgen", reason="tipo-kgen is not installed")
from booruflow.captioning.backends.tipo import TipoBackend, tipo_prompt

TAGS = "general: long hair, 1girl, 1.5:1 aspect, ^_^\ncharacters: hanako wisterlea\nartist: moth inkwell"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_llama(tmp_path_factory.mktemp("models") / "tipo")


def loaded(folder, **changes):
    backend = TipoBackend(CAPTIONER | {"tipo": {"model": str(folder), "revision": None}} | changes)
    backend.load()
    return backend


def test_the_prompt_has_tipos_format_and_ends_before_the_long_text():
    assert tipo_prompt(TAGS) == (
        "artist: moth inkwell\ncharacters: hanako wisterlea\n"
        "target: <|long|> <|tag_to_long|>\n"
        "tag: 1girl, long hair, 1.5:1 aspect, ^_^\nlong:"
    )


def test_a_post_without_general_tags_has_a_prompt_too():
    assert tipo_prompt("artist: moth inkwell").endswith("tag: \nlong:")


def test_a_padded_batch_gives_the_same_texts_as_single_requests(folder):
    backend = loaded(folder)
    prompts = [Prompt("", "general: 1girl"), Prompt("", TAGS), Prompt("", "general: " + ", ".join(["hat"] * 30))]
    prepared = [backend.prepare(Request(n, prompt, None)) for n, prompt in enumerate(prompts)]
    (together,) = backend.generate(iter([prepared]))
    alone = [answer for answers in backend.generate(iter([[one] for one in prepared])) for answer in answers]
    assert [one.text for one in together] == [one.text for one in alone]
    assert all(isinstance(one, Generation) for one in together)
    assert [one.prompt_tokens for one in together] == [one.size for one in prepared]


def test_the_identity_is_that_of_tipos_own_model(folder):
    identity = loaded(folder).identity()
    assert identity["model"].startswith("folder:")
    assert identity != loaded(folder, max_new_tokens=5).identity()
    with pytest.raises(UserError, match=r"captioner\.tipo\.model: there is no folder nowhere"):
        TipoBackend(CAPTIONER | {"tipo": {"model": "nowhere", "revision": None}}).identity()
