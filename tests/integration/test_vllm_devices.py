"""One model over two devices, on a real vLLM. Cores stand for GPUs here: flags, ranks, their end.

It has a file of its own, so that no other server is up beside its ranks: two that measure the
memory which is left meet each other.
"""

import psutil
import pytest
from test_vllm_cpu import CORES, FIELDS, WEIGHTS, ask, desk_of, yes_or_no
from test_vllm_cpu import pytestmark as needs_vllm

from rankmill.teachers import Vllm

pytestmark = [
    *needs_vllm,
    pytest.mark.skipif(len(CORES) < 2, reason="two ranks need two cores"),
]
LIMITS = ["--enforce-eager", "--max-num-seqs=16", "--gpu-memory-utilization=0.1"]


@pytest.mark.parametrize("how", ["tensor_parallel", "data_parallel"])
def test_a_model_runs_over_two_devices(tmp_path, how):
    environment = FIELDS["environment"] | {
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "|".join(map(str, CORES[:2])),
        "VLLM_CPU_KVCACHE_SPACE": "1",  # in GiB
    }
    changed = {"environment": environment, "extra_arguments": LIMITS, how: 2}
    spec = Vllm(model=str(WEIGHTS), **FIELDS | changed)
    with desk_of({"plain": spec}, tmp_path, []) as desk:
        assert "Yes" in dict(ask(desk, yes_or_no("Is water wet?")).reply.top_logprobs)
        ranks = [one for one in psutil.Process().children(recursive=True) if ranked(one)]
        assert len(ranks) == 2
    assert not any(one.is_running() for one in ranks)


def ranked(process):
    """Whether a process runs a copy of the model, or a share of it."""
    return process.name().startswith("VLLM::Worker")
