"""Makes a folder that vLLM reads of a known model's GGUF file: `unpack_gguf.py NAME FOLDER`."""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from rankmill import models
from rankmill.settings import Settings


def unpack(source: Path, folder: Path) -> None:
    """Write the weights in bfloat16 and the tokenizer; the folder gets its name when whole."""
    quantization = GgufConfig(gguf_file=source.name, dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        quantization_config=quantization,
        dtype=torch.bfloat16,
    )
    # What is written is no longer quantized, and must not say that it is.
    model.hf_quantizer = model.config.quantization_config = None
    model.is_quantized = False
    partial = folder.with_name(f"{folder.name}.partial")
    model.save_pretrained(partial)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.save_pretrained(partial)
    partial.rename(folder)


if __name__ == "__main__":
    unpack(models.fetch(sys.argv[1], Settings().cache), Path(sys.argv[2]))
