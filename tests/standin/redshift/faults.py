"""What goes wrong on request. A fault is a line:

    hang on=copy                      nothing is answered; seconds=5: then it goes on; cancel=no: it cannot be cancelled, either
    slow seconds=2 on=commit          it takes longer
    cut on=copy                       the connection is reset before the statement is run; when=after: when it has run, unanswered
    cut_bytes bytes=1000              the connection is reset once so many bytes went to the client
    conflict on=update                1023, serializable isolation violation; the transaction is over
    lose_commit                       COMMIT is done, and its answer lost; done=no: the answer is lost and nothing was done
    error on=copy sqlstate=XX000 text=...   any error
    refuse                            connections are refused; text=...
    zombie seconds=30                 a session whose client vanished keeps its transaction and its locks so long

Each happens once, or `times=n` times (0: until it is removed), after `skip=n` occasions, to statements of the verb `on` that
contain `like` (in any case), of the user `user`. Values with spaces stand in double quotes.
"""
import dataclasses
import itertools
import shlex

KINDS = {"hang", "slow", "cut", "cut_bytes", "conflict", "lose_commit", "error", "refuse", "zombie"}
OF_STATEMENTS = KINDS - {"cut_bytes", "refuse", "zombie", "lose_commit"}
NUMBERS = itertools.count(1)


@dataclasses.dataclass
class Fault:
    kind: str
    on: str | None = None
    like: str | None = None
    user: str | None = None
    times: int = 1
    skip: int = 0
    seconds: float | None = None
    bytes: int = 0
    when: str = "before"
    done: str = "yes"
    cancel: str = "yes"
    sqlstate: str = "XX000"
    text: str = "an error on request"
    number: int = dataclasses.field(default_factory=lambda: next(NUMBERS))
    hits: int = 0

    def matches(self, verb, text, user):
        return self.on in (None, verb) and (self.like is None or self.like.lower() in text.lower()) and self.user in (None, user)

    def is_due(self):
        """Counts the occasion; true when it is this one's turn."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times and self.hits >= self.times:
            return False
        self.hits += 1
        return True


def parse(line):
    kind, *options = shlex.split(line)
    if kind not in KINDS:
        raise ValueError(f"no fault is called '{kind}'; there are {', '.join(sorted(KINDS))}")
    values, types = {}, {field.name: field.type for field in dataclasses.fields(Fault)}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or name not in types or name in ("kind", "number", "hits"):
            raise ValueError(f"'{option}' is no option of a fault")
        values[name] = int(value) if types[name] is int else float(value) if name == "seconds" else value
    return Fault(kind, **values)


class Faults:
    def __init__(self, lines=()):
        self.all = [parse(line) for line in lines]

    def add(self, line):
        self.all.append(parse(line))
        return self.all[-1]

    def remove(self, number=None):
        self.all = [fault for fault in self.all if number not in (None, fault.number)]

    def due(self, kinds, verb="", text="", user=""):
        """The fault whose turn it is, or None."""
        for fault in self.all:
            if fault.kind in kinds and fault.matches(verb, text, user) and fault.is_due():
                return fault
        return None
