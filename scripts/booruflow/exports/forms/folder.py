"""Form folder: images with a text file of the same name beside each.

sd-scripts LoRA and DreamBooth read the first line, or with `enable_wildcard` draw one (library/train_util.py, `read_caption`);
OneTrainer draws a line each epoch (DataLoaderText2ImageMixin.py); musubi-tuner (dataset/datasources.py) and ai-toolkit
(toolkit/dataloader_mixins.py) read the whole file as one text; SimpleTuner takes each line as a caption.
"""

from booruflow.core.streams import Stream
from booruflow.exports.interface import Export, Form
from booruflow.exports.sidecars import write_sidecars
from booruflow.exports.toml import toml_text
from booruflow.texts.texts import safe_lines


class Folder(Form):
    """For most trainers of LoRAs."""

    several = "lines"
    divides = True

    def write(self, export: Export, rows: Stream) -> None:
        """Write the text files."""
        for frame in rows:
            lines = frame["texts"].list.join("\n")
            texts = safe_lines(lines) if export.has_several else lines
            write_sidecars(export, frame["file"].to_list(), texts.to_list(), f".{export.settings['extension']}")

    def usage(self, export: Export) -> str:
        """Where each trainer is given the folder."""
        if export.settings["images"] == "none":
            return "Copy `data/` over the folder of the images: each text file then lies beside its image.\n"
        folder, data = export.data_path.removesuffix("data/"), export.data_path.removesuffix("/")
        extension = f".{export.settings['extension']}"
        subset = {"image_dir": data, "caption_extension": extension, "enable_wildcard": export.has_several, "num_repeats": 1}
        if export.divider:
            subset["keep_tokens_separator"] = export.divider
        general = {"general": {"enable_bucket": True}}
        with export.open("dataset.toml") as file:
            file.write(toml_text({**general, "datasets": [{"batch_size": 1, "subsets": [subset]}]}))
        usage = f"""- sd-scripts, LoRA and DreamBooth: `--dataset_config={folder}dataset.toml`
- OneTrainer: a concept with the path `{data}` and the prompt source 'from text file per sample' (it reads `.txt` only)
- SimpleTuner: `"type": "local"`, `"instance_data_dir": "{data}"`, `"caption_strategy": "textfile"` (it reads `.txt` only)
"""
        if export.has_several:
            return (
                usage
                + """- musubi-tuner and ai-toolkit would read all lines as one text: export again with `captions: one`

Where a text could be taken for a choice (`{a|b}`), braces are doubled, which sd-scripts reads as one; others read two.
"""
            )
        with export.open("musubi.toml") as file:
            dataset = {"image_directory": data, "cache_directory": f"{folder}cache"}
            options = {"resolution": [1024, 1024], "caption_extension": extension, "batch_size": 1, "enable_bucket": True}
            file.write(toml_text({"general": options, "datasets": [dataset]}))
        return (
            usage
            + f"""- musubi-tuner: `--dataset_config={folder}musubi.toml`
- ai-toolkit: `folder_path: "{data}"`, `caption_ext: "{extension[1:]}"`
"""
        )
