"""The forms by their names in the config."""

from booruflow.exports.forms.ai_toolkit import AiToolkit
from booruflow.exports.forms.aozora import Aozora
from booruflow.exports.forms.diffusion_pipe import DiffusionPipe
from booruflow.exports.forms.folder import Folder
from booruflow.exports.forms.imagefolder import ImageFolder
from booruflow.exports.forms.musubi import Musubi
from booruflow.exports.forms.sd_scripts import SdScripts
from booruflow.exports.forms.simpletuner import SimpleTuner
from booruflow.exports.forms.webdataset import WebDataset
from booruflow.exports.interface import Form

FORMS: dict[str, type[Form]] = {
    "sd-scripts": SdScripts,
    "folder": Folder,
    "diffusion-pipe": DiffusionPipe,
    "musubi": Musubi,
    "ai-toolkit": AiToolkit,
    "simpletuner": SimpleTuner,
    "imagefolder": ImageFolder,
    "webdataset": WebDataset,
    "aozora": Aozora,
}
