"""The chat layout of the Qwen2-VL family, which its models were trained with."""

from booruflow.prompts import Prompt

IMAGE = "<|image_pad|>"


def chat(prompt: Prompt, picture: str) -> str:
    """The whole text up to where the model's answer begins; `picture` stands where the picture is."""
    return (
        f"<|im_start|>system\n{prompt.system}<|im_end|>\n"
        f"<|im_start|>user\n{picture}{prompt.user}<|im_end|>\n<|im_start|>assistant\n"
    )
