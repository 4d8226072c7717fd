"""Imports point down only, load nothing that inference does not need, and do nothing else."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "gaia_core"
FILES = sorted(CORE.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}
# Which folder or module may import which: the tree's arrows, all pointing down. `motion` (stage 2)
# and `renderer` (stage 1) share nothing but `latent`; `training` and `evaluation` never meet.
BASE = {"errors", "config", "assets", "layers", "landmarks", "controls", "settings", "request"}
STAGES = {
    "latent",
    "motion",
    "renderer",
    "portrait",
    "speech",
    "media",
    "instruction",
    "perceptual",
}
ARROWS = {
    "errors": set(),
    "config": set(),
    "layers": set(),
    "landmarks": set(),
    "assets": {"errors"},
    "controls": {"errors"},
    "settings": {"errors"},
    "request": {"assets", "config", "controls", "errors", "settings"},
    "latent": {"config", "landmarks", "layers"},
    "perceptual": {"assets"},
    "running_time": {"request"},
    "portrait": {"assets", "errors", "landmarks"},
    "media": {"errors", "portrait", "request"},
    "speech": {"assets", "errors", "media", "request"},
    "instruction": {"assets", "controls", "errors", "request"},
    "renderer": {"config", "landmarks", "latent", "layers"},
    "motion": {"config", "controls", "landmarks", "latent", "layers", "request", "speech"},
    "checkpoint": {"assets", "config", "controls", "errors", "motion", "renderer"},
    "render": {"checkpoint", "config", "errors", "motion", "renderer"},
    "pipeline": BASE | STAGES - {"renderer"} | {"render"},
    "batch": {"errors", "media", "pipeline", "request", "speech"},
    "comparison": {"assets", "batch", "errors", "media", "motion", "pipeline", "request"},
    "bench": BASE | STAGES | {"pipeline", "render"},
    "training": BASE | STAGES | {"checkpoint"},
    "evaluation": BASE | STAGES | {"pipeline", "render"},
    "cli": BASE
    | STAGES
    | {"batch", "bench", "checkpoint", "comparison", "evaluation", "pipeline", "training"},
    "__main__": {"cli"},
}
# The same for the studio: what all share, then a feature each, then the page.
UI = ROOT / "ui"
UI_ARROWS = {
    "gradio_compat": set(),
    "samples": set(),
    "i18n": {"gradio_compat"},
    "toasts": {"i18n"},
    "takes": {"gradio_compat", "i18n", "samples", "toasts"},
    "engine": {"takes"},
    "components": {"i18n", "takes"},
    "form": {"components", "gradio_compat", "i18n", "samples", "takes", "toasts"},
    "faces": {"engine", "form", "gradio_compat", "i18n", "samples", "takes"},
    "timeline": {"components", "engine", "form", "gradio_compat", "i18n", "samples"}
    | {"takes", "toasts"},
    "run": {"components", "engine", "faces", "form", "gradio_compat", "i18n", "samples"}
    | {"takes", "timeline", "toasts"},
    "compare": {"components", "engine", "faces", "form", "i18n", "run"}
    | {"gradio_compat", "takes", "timeline", "toasts"},
    "live": {"components", "engine", "faces", "form", "gradio_compat", "i18n", "run"}
    | {"takes", "timeline", "toasts"},
    "api": {"engine", "form", "gradio_compat", "i18n", "run", "toasts"},
    "theme": {"gradio_compat", "i18n"},
    "panels": {"components", "faces", "form", "gradio_compat", "i18n", "samples"}
    | {"takes", "timeline"},
}
UI_ARROWS["studio"] = set(UI_ARROWS)
# Networks and their maths: torch and each other, no files and no media.
PURE = ("latent", "layers", "landmarks", "renderer")
PURE_OF_MOTION = ("conformer", "denoiser", "diffusion", "sampling")


def imports(path: Path, deferred: bool = True) -> Iterator[str]:
    """The modules a file imports; without `deferred` only those at its top level."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree) if deferred else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def part(module: str) -> str:
    """gaia_core.training.pack -> training"""
    return (module.split(".") + [""])[1]


def test_the_tree_is_read():
    assert {"gaia_core", "gaia_core.pipeline", "gaia_core.training.loop"} <= MODULES.keys()
    assert "gaia_core.errors" in set(imports(MODULES["gaia_core.pipeline"])) | set(
        imports(MODULES["gaia_core.cli"])
    )


def test_the_core_knows_no_page():
    for path in FILES:
        roots = {name.split(".")[0] for name in imports(path)}
        assert not roots & {"gradio", "ui", "app", "torchvision"}, path


@pytest.mark.parametrize("name", sorted({part(module) for module in MODULES} - {""}))
def test_imports_follow_the_arrows(name):
    found = {
        part(imported)
        for module, path in MODULES.items()
        if part(module) == name
        for imported in imports(path)
        if imported.startswith("gaia_core.")
    }
    assert found - {name} <= ARROWS[name]


def ui_imports(part: str) -> set[str]:
    """Folders and modules of the studio that one of them imports."""
    folder = UI / part
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    found: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "ui":
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("ui."):
                found.add(str(node.module).split(".")[1])
            elif isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "ui" for alias in node.names), path
    return found - {part}


def test_every_part_of_the_studio_has_its_arrows():
    parts = {path.relative_to(UI).parts[0].removesuffix(".py") for path in UI.rglob("*.py")}
    assert parts - {"__init__"} == UI_ARROWS.keys()
    TopologicalSorter(UI_ARROWS).prepare()  # raises CycleError


@pytest.mark.parametrize("part", sorted(UI_ARROWS))
def test_imports_of_the_studio_follow_the_arrows(part):
    assert ui_imports(part) <= UI_ARROWS[part]


@pytest.mark.parametrize("behind", ["training", "evaluation"])
def test_only_their_commands_load_training_and_evaluation(behind):
    at_the_top = {part(name) for name in imports(MODULES["gaia_core.cli"], deferred=False)}
    assert behind not in at_the_top


def test_packages_export_nothing():
    """Each name is imported from where it is defined."""
    for path in (*CORE.rglob("*/__init__.py"), *UI.rglob("__init__.py")):
        assert not list(imports(path)), path


def names_of(tree: ast.Module) -> set[str]:
    """What a module defines."""
    return {
        node.id if isinstance(node, ast.Name) else node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }


def test_names_are_imported_from_where_they_are_defined():
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in MODULES.items()}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in trees:
                names = {x.name for x in node.names if f"{node.module}.{x.name}" not in trees}
                assert names <= names_of(trees[node.module]), f"{module} from {node.module}"


def test_modules_do_not_import_each_other_in_circles():
    graph = {
        module: {name for name in imports(path) if name in MODULES and name != "gaia_core"}
        for module, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_networks_know_no_files_and_no_media():
    for module, path in MODULES.items():
        pure = part(module) in PURE or module.removeprefix("gaia_core.motion.") in PURE_OF_MOTION
        if pure:
            roots = {imported.split(".")[0] for imported in imports(path)}
            assert roots <= {"__future__", "collections", "dataclasses", "functools", "math"} | {
                "typing",
                "torch",
                "gaia_core",
            }, module


def test_requests_are_light():
    """What the page needs of the core to state a request must not load a network."""
    for name in ("request", "settings", "errors", "config"):
        roots = {imported.split(".")[0] for imported in imports(CORE / f"{name}.py")}
        assert not roots & {"torch", "mediapipe", "cv2"}, name


IMPORT_ALL = """
import importlib, os, pkgutil, random, sys

import numpy, torch

sys.modules["gradio"] = None  # an import of it fails
before = set(os.listdir(".")), random.getstate(), torch.get_rng_state(), torch.get_num_threads()
import gaia_core

names = [module.name for module in pkgutil.walk_packages(gaia_core.__path__, "gaia_core.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
after = set(os.listdir(".")), random.getstate(), torch.get_rng_state(), torch.get_num_threads()
assert before[:2] == after[:2] and torch.equal(before[2], after[2]) and before[3] == after[3]
assert len(names) >= COUNT, names
assert "torchvision" not in sys.modules
assert not any(name == "ui" or name.startswith("ui.") for name in sys.modules)
"""


@pytest.mark.slow
def test_the_core_alone_imports_and_does_nothing_else(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CORE, tmp_path / "gaia_core", ignore=ignore)
    modules = len(MODULES) - 1  # the package itself is not among its modules
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_ALL.replace("COUNT", str(modules))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and done.stderr == ""


LIGHT = """
import sys

import gaia_core

heavy = {"torch", "numpy", "mediapipe"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_package_itself_is_light():
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
