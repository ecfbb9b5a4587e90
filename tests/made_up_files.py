"""Small PDF and DOCX files, written by hand."""

import io
import zipfile
from collections.abc import Sequence

_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"


def pdf(
    *pages: Sequence[str], title="", outline: Sequence[tuple[str, int]] = (), trailer=""
) -> bytes:
    """A PDF of lines of text; `outline` names pages, counted from 0."""
    objects = ["", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    objects.append(f"<< /Title ({title}) >>")
    kids, marks = [], []
    for lines in pages:
        shown = "".join(f"({line}) Tj T* " for line in lines)
        stream = f"BT /F1 11 Tf 14 TL 50 780 Td {shown}ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {len(objects)} 0 R >>"
        )
        kids.append(len(objects))
    first = len(objects) + 2
    for number, (words, page) in enumerate(outline):
        after = f"/Next {first + number + 1} 0 R " if number + 1 < len(outline) else ""
        marks.append(
            f"<< /Title ({words}) /Parent {first - 1} 0 R {after}/Dest [{kids[page]} 0 R /Fit] >>"
        )
    objects.append(f"<< /First {first} 0 R /Last {first + len(marks) - 1} 0 R >>")
    outlines = f"/Outlines {first - 1} 0 R" if marks else ""
    objects += marks
    objects[0] = f"<< /Type /Catalog /Pages 2 0 R {outlines} >>"
    among = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Kids [{among}] /Count {len(kids)} >>"
    return _numbered(objects, trailer)


def _numbered(objects: Sequence[str], trailer: str) -> bytes:
    file, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(file))
        file += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}"
    end += f"trailer\n<< /Size {len(places) + 1} /Root 1 0 R /Info 4 0 R {trailer} >>\n"
    return file + f"{end}startxref\n{len(file)}\n%%EOF\n".encode()


def docx(*paragraphs: tuple[str, str], body="", core="") -> bytes:
    """A Word document of (style, text) paragraphs; `body` is put behind them as it is."""
    written = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
        for style, text in paragraphs
    )
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{style}"><w:name w:val="{style}"/></w:style>'
        for style in sorted({style for style, _ in paragraphs})
    )
    parts = {
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships"><Relationship Id="r1" Type="{_TYPE}" Target="word/document.xml"/>'
        "</Relationships>",
        "word/document.xml": f'<w:document xmlns:w="{_MAIN}"><w:body>{written}{body}</w:body>'
        "</w:document>",
        "word/styles.xml": f'<w:styles xmlns:w="{_MAIN}">{styles}</w:styles>',
    }
    if core:
        parts["docProps/core.xml"] = (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
            'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"{core}</cp:coreProperties>"
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return packed.getvalue()
