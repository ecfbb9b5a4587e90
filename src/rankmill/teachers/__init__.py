"""Models that answer requests, the store of their answers, and the desk where they are asked."""

from typing import Annotated

from pydantic import Field

from rankmill.teachers.desk import Meter, Teachers
from rankmill.teachers.engine import Answer, Engine, Need, Surroundings
from rankmill.teachers.llama_cpp import LlamaCpp
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.store import ReplyStore
from rankmill.teachers.transformers import Transformers
from rankmill.teachers.vllm import Vllm

Teacher = Annotated[OpenAI | LlamaCpp | Transformers | Vllm, Field(discriminator="kind")]

__all__ = [
    "Answer",
    "Engine",
    "LlamaCpp",
    "Meter",
    "Need",
    "OpenAI",
    "ReplyStore",
    "Surroundings",
    "Teacher",
    "Teachers",
    "Transformers",
    "Vllm",
]
