"""Evaluation against human judgments."""
