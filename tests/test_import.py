import subprocess
import sys

HEAVY = [
    *("torch", "faiss", "vllm", "prefect", "openai", "datasets"),
    *("llama_cpp", "transformers", "bm25s", "scipy"),
]
SCRIPT = """
import sys, time
started = time.perf_counter()
import {module}
took = time.perf_counter() - started
print(took, *(name for name in {heavy!r} if name in sys.modules))
"""


def imported(module):
    script = SCRIPT.format(module=module, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, *loaded = done.stdout.split()
    return float(seconds), loaded


def test_the_package_imports_in_no_time_and_loads_nothing_heavy():
    runs = [imported("rankmill") for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.3
    assert all(loaded == [] for _, loaded in runs)


def test_reading_a_recipe_loads_nothing_heavy():
    assert imported("rankmill.recipe")[1] == []


def test_the_command_line_loads_nothing_heavy():
    assert imported("rankmill.cli")[1] == []


def test_the_exports_load_no_mining_and_no_retrieval():
    script = "import sys, rankmill.export; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert "rankmill.export" in loaded
    assert not {"rankmill.mine", "rankmill.retrieve", *HEAVY} & set(loaded)
