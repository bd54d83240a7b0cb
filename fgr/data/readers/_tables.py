"""CSV files with a line of column names, read with errors by line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


def rows_of_csv(
    file: Path, needed: Sequence[str], known: Sequence[str] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a comma-separated file as dictionaries, each with the number of the line it ends on.

    Args:
        file: UTF-8, quoted where a field holds a comma; names of columns in the first line, spaces around them ignored.
        needed: columns that must be there.
        known: all columns that may be there; None: any.

    Raises:
        ValueError: if the file is missing, no text, or without rows, a column is missing, unknown or there twice, or a
            row has more or fewer fields.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(file, header, needed, known)
            empty = True
            for fields in reader:
                if not fields:  # an empty line
                    continue
                if len(fields) != len(header):
                    raise ValueError(
                        f"{file}, line {reader.line_num}: expected {len(header)} fields ({', '.join(header)}), got "
                        f"{len(fields)}; quote a field that holds a comma"
                    )
                empty = False
                yield reader.line_num, dict(zip(header, fields))
    except FileNotFoundError as error:
        raise ValueError(f"{file} is missing: put it there") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text ({error.reason}): save it as such") from error
    except csv.Error as error:
        raise ValueError(f"{file}, line {reader.line_num}: {error}") from error
    if empty:
        raise ValueError(f"{file} lists nothing below its column names")


def _check_header(file: Path, header: list[str], needed: Sequence[str], known: Sequence[str] | None) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(f"{file}, line 1: the column {missing[0]} is missing; there are {', '.join(header) or 'none'}")
    unknown = [name for name in header if known is not None and name not in known]
    if unknown:
        raise ValueError(f"{file}, line 1: unknown column {unknown[0]!r}; there may be {', '.join(known or ())}")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise ValueError(f"{file}, line 1: the column {twice[0]!r} is there twice")
