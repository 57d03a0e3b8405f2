"""Where nobody has measured what Redshift does: each doubt by name, what the stand-in does about it, and why.

The default is the stricter reading, unless what is in use every day would be refused by it. `--accept NAME` and
`--refuse NAME` change one.
"""
DOUBTS = {  # name: (accepted by default, what it is about)
    "int16-smallint": (True, "INT32 annotated INT_8 or INT_16 into SMALLINT: AWS's own loader relies on it; plain INT32 is refused (measured)"),
    "int16-wider": (False, "INT32 annotated INT_8 or INT_16 into INTEGER or BIGINT"),
    "unsigned": (False, "integers annotated as unsigned, into any type"),
    "int32-decimal": (False, "DECIMAL held as INT32"),
    "millis-timestamp": (False, "INT64 TIMESTAMP in milliseconds into TIMESTAMP"),
    "timestamptz": (False, "INT64 TIMESTAMP adjusted to UTC into TIMESTAMPTZ"),
    "time": (False, "INT64 TIME in microseconds into TIME"),
    "plain-text": (False, "BYTE_ARRAY without a STRING annotation into VARCHAR"),
    "float-double": (False, "FLOAT into DOUBLE PRECISION"),
    "modern-parquet": (False, "data pages v2, DELTA_* and BYTE_STREAM_SPLIT encodings, LZ4, Brotli"),
    "noload": (False, "NOLOAD in a COPY of Parquet: sources disagree"),
    "is-distinct-from": (False, "IS [NOT] DISTINCT FROM: AWS lists it as not supported, and newer versions are said to take it"),
    "long-context": (False, "the context of an inner error in full: a client sees 256 bytes of it (a published one ends there)"),
}


class Doubts:
    def __init__(self, accept=(), refuse=()):
        for name in [*accept, *refuse]:
            if name not in DOUBTS:
                raise ValueError(f"no doubt is called '{name}'; there are {', '.join(DOUBTS)}")
        self.accepted = {name for name, (accepted, _) in DOUBTS.items() if (accepted or name in accept) and name not in refuse}

    def accepts(self, name):
        assert name in DOUBTS, name
        return name in self.accepted
