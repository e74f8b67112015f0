"""Qwen2-VL's processor without its video part, which needs torchvision.

A copy of this file lies beside the demo captioner's weights and is named in their `auto_map`, so that
`AutoProcessor.from_pretrained(folder, trust_remote_code=True)` works with Pillow alone. So it imports nothing of
booruflow.
"""

from transformers import PreTrainedTokenizerBase, Qwen2VLProcessor
from transformers.image_processing_utils import BaseImageProcessor
from transformers.processing_utils import ProcessorMixin


class Qwen2VLPilProcessor(Qwen2VLProcessor):  # type: ignore[misc]
    """Text and pictures to model inputs; pictures go through the PIL image processor.

    `ProcessorMixin` takes its parts from the signature of `__init__`, so leaving `video_processor` out is enough.
    """

    def __init__(
        self,
        image_processor: BaseImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        chat_template: str | None = None,
        **_: object,
    ) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)

    @property
    def model_input_names(self) -> list[str]:
        """What `generate` takes; Qwen2-VL tells picture tokens from text by `mm_token_type_ids`."""
        return ["input_ids", "attention_mask", "pixel_values", "image_grid_thw", "mm_token_type_ids"]
