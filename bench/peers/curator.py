"""bespokelabs-curator 0.1.31 as a client of bench/teacher_calls.py, where it is installed."""

import os
import resource
import sys
from pathlib import Path

sys.path.pop(0)


def main():
    port, calls, at_once, folder = sys.argv[1:]
    os.environ |= {"CURATOR_DISABLE_RICH_DISPLAY": "1", "TELEMETRY_ENABLED": "false"}
    os.environ |= {"CURATOR_CACHE_DIR": folder, "OPENAI_API_KEY": "none"}
    from bespokelabs import curator  # reads the environment when it is loaded

    prompt = (Path(folder) / "prompt.txt").read_text()
    many = 10**9
    model = curator.LLM(
        model_name="mock",
        backend="openai",
        backend_params={
            "base_url": f"http://127.0.0.1:{port}/v1/chat/completions",
            "max_concurrent_requests": int(at_once),
            "max_requests_per_minute": many,
            "max_tokens_per_minute": many,
        },
    )
    made = model([f"{prompt} {number}" for number in range(int(calls))])
    rows = getattr(made, "dataset", made)
    assert len(rows) == int(calls)
    sys.stdout.write(f"\n{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}\n")


if __name__ == "__main__":
    main()
