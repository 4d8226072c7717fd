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
# Where training and evaluation may be imported, and only when their commands are given.
COMMANDS = "gaia_core.cli"
NETWORKS = (
    *("autoencoder", "conformer", "denoiser", "diffusion", "eyes", "landmarks", "lips"),
    *("inpainting", "mouth", "sampling"),
)


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


@pytest.mark.parametrize("behind", ["training", "evaluation"])
def test_inference_does_not_import_training_or_evaluation(behind):
    for module, path in MODULES.items():
        if part(module) in ("training", "evaluation") or module == COMMANDS:
            continue
        assert behind not in {part(name) for name in imports(path)}, path
    at_the_top = {part(name) for name in imports(MODULES[COMMANDS], deferred=False)}
    assert behind not in at_the_top


def test_modules_do_not_import_each_other_in_circles():
    graph = {
        module: {name for name in imports(path) if name in MODULES and name != "gaia_core"}
        for module, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_networks_know_no_files_and_no_media():
    for name in NETWORKS:
        roots = {imported.split(".")[0] for imported in imports(CORE / f"{name}.py")}
        assert roots <= {"__future__", "collections", "dataclasses", "math", "typing"} | {
            "torch",
            "gaia_core",
        }, name
        parts = {part(i) for i in imports(CORE / f"{name}.py") if i.startswith("gaia_core.")}
        assert parts <= {*NETWORKS, "config"}, name


def test_requests_are_light():
    """What the page needs of the core to state a request must not load a network."""
    for name in ("request", "errors", "config"):
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
