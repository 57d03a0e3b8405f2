"""Serializable isolation as Redshift has it: by whole tables, and by cycles among transactions.

A transaction sees what was committed before its first statement (its snapshot), and reads and writes tables. Of two that were
open at once, the one that read a table comes before the one that wrote it; of two writers of one table, the one that
committed comes first. Where that makes a circle no order would give the same result, and the one that closes it ends with 1023.
"""
import dataclasses


@dataclasses.dataclass(eq=False)
class Transaction:
    number: int
    pid: int
    snapshot: int  # how many commits it sees
    reads: set = dataclasses.field(default_factory=set)
    writes: set = dataclasses.field(default_factory=set)
    commit: int | None = None  # its place among all commits

    def is_concurrent(self, other):
        return (self.commit is None or other.snapshot < self.commit) and (other.commit is None or self.snapshot < other.commit)


class Conflicts:
    def __init__(self):
        self.commits, self.numbers, self.transactions = 0, 5000, []

    def begin(self, pid):
        self.numbers += 1
        found = Transaction(self.numbers, pid, self.commits)
        self.transactions.append(found)
        return found

    def precedes(self, one, other):
        """True where every order has `one` before `other`."""
        if one is other:
            return False
        if not one.is_concurrent(other):
            return one.commit is not None and one.commit <= other.snapshot
        if one.reads & other.writes:
            return True
        return bool(one.writes & other.writes) and one.commit is not None and (other.commit is None or one.commit < other.commit)

    def cycle(self, start):
        """The transactions of a circle through `start`, or None."""
        paths = [[start]]
        seen = set()
        while paths:
            path = paths.pop()
            for other in self.transactions:
                if not self.precedes(path[-1], other):
                    continue
                if other is start:
                    return path
                if other not in seen:
                    seen.add(other)
                    paths.append([*path, other])
        return None

    def touch(self, transaction, reads, writes):
        """Notes what a statement read and wrote; the circle that it closes, or None."""
        transaction.reads |= reads
        transaction.writes |= writes
        return self.cycle(transaction) if transaction.writes else None

    def end(self, transaction, is_committed):
        if is_committed:
            self.commits += 1
            transaction.commit = self.commits
        else:
            self.transactions.remove(transaction)
        oldest = min((one.snapshot for one in self.transactions if one.commit is None), default=self.commits)
        self.transactions = [one for one in self.transactions if one.commit is None or one.commit > oldest]
