"""Lists that a format cannot hold: of too few documents, or with an id that breaks its lines."""

import polars as pl

NO_WORD = r'[\s"]'
"""What an id may not hold where values have white space between them."""


def unfit(pairs: pl.DataFrame, pattern: str, what: str) -> pl.DataFrame:
    """The lists with an id that a format cannot hold: columns id, rule and detail.

    Args:
        pairs: Columns qid and docid.
        pattern: Is found in such ids.
        what: It holds, in words.
    """
    qid, docid = pl.col("qid"), pl.col("docid")
    query, document = qid.str.contains(pattern), docid.str.contains(pattern)
    found = pairs.filter(query | document).unique("qid", keep="first", maintain_order=True)
    offender = pl.when(query).then(qid).otherwise(docid).map_elements(repr, return_dtype=pl.String)
    return found.select(
        id="qid",
        rule=pl.lit("unfit_id"),
        detail=pl.format(f"the id {{}} holds {what}", offender),
    )


def fit(rows: pl.DataFrame, pattern: str, query: str, document: str) -> pl.DataFrame:
    """The rows of lists all of whose ids a format can hold.

    Args:
        rows: One for a document of a list.
        pattern: Is found in ids that it cannot.
        query: The column of the list's id.
        document: The column of the document's.
    """
    bad = pl.col(query).str.contains(pattern) | pl.col(document).str.contains(pattern)
    return rows.filter(~bad.any().over(query))


def shorter(pairs: pl.DataFrame, least: int) -> pl.DataFrame:
    """The lists of fewer documents than are needed: columns id, rule and detail.

    Args:
        pairs: Has a column qid.
        least: How many are needed.
    """
    lists = pairs.group_by("qid", maintain_order=True).len().filter(pl.col("len") < least)
    noun = pl.when(pl.col("len") == 1).then(pl.lit("document")).otherwise(pl.lit("documents"))
    return lists.select(
        id="qid",
        rule=pl.lit("too_short"),
        detail=pl.format(f"{{}} {{}}, at least {least}", "len", noun),
    )
