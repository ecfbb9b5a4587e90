"""distilabel 1.5.3 as a client of bench/teacher_calls.py, where it is installed."""

import resource
import sys
from pathlib import Path

sys.path.pop(0)  # this file has the library's name

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main():
    port, calls, at_once, folder = sys.argv[1:]
    prompt = (Path(folder) / "prompt.txt").read_text()
    rows = [{"instruction": f"{prompt} {number}"} for number in range(int(calls))]
    with Pipeline(cache_dir=folder) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=int(at_once))
        model = OpenAILLM(model="mock", base_url=f"http://127.0.0.1:{port}/v1", api_key="none")
        load >> TextGeneration(llm=model, input_batch_size=int(at_once))
    made = pipeline.run(use_cache=False)
    texts = made["default"]["train"]["generation"]
    assert len(texts) == int(calls)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    sys.stdout.write(
        f"\n{max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024}\n"
    )


if __name__ == "__main__":
    main()
