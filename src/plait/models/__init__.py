"""Models: graphs of layers that are trained, saved and used together."""

from plait.models.clone import clone_model as clone_model
from plait.models.json_text import model_from_json as model_from_json
from plait.models.layer_list import LayerList as LayerList
from plait.models.model import Model as Model
from plait.models.sequential import Sequential as Sequential
from plait.saving import load_model as load_model
from plait.saving import save_model as save_model

__all__ = ["LayerList", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
