"""Models that answer requests, the store of their answers, and the desk where they are asked."""

from typing import Annotated

from pydantic import Field

from rankmill.teachers.budget import Budget
from rankmill.teachers.desk import Teachers
from rankmill.teachers.engine import Answer, Engine, Need, Surroundings
from rankmill.teachers.llama_cpp import LlamaCpp
from rankmill.teachers.llama_server import LlamaServer
from rankmill.teachers.meter import Meter
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.store import ReplyStore
from rankmill.teachers.transformers import Transformers
from rankmill.teachers.vllm import Vllm

Teacher = Annotated[
    OpenAI | LlamaCpp | LlamaServer | Transformers | Vllm, Field(discriminator="kind")
]

__all__ = [
    "Answer",
    "Budget",
    "Engine",
    "LlamaCpp",
    "LlamaServer",
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
