"""Prefect flows: the only place that knows of Prefect, and that keeps it quiet.

What is set here comes before Prefect is first imported; what the user has set stays.
"""

import os

for _name, _value in {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the UI still gets every line
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
}.items():
    os.environ.setdefault(_name, _value)
