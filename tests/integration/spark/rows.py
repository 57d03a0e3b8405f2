"""The rows of the files here, as Python has them; both what writes them and what reads them take them from here."""
import datetime
import decimal

COUNT = 60
EPOCH = datetime.datetime(1970, 1, 1)
NAMES = ["b", "i8", "i16", "i32", "i64", "f", "g", "u", "z", "day", "at", "wall", "d9", "d18", "d38", "id"]


def row(i):
    """Integers for dates (days), times (microseconds) and decimals (unscaled)."""
    if i % 7 == 3:
        return (None,) * 15 + (i,)
    return (i % 3 == 0, i % 256 - 128, i * 37 % 65536 - 32768, i * 2654435761 % 2**32 - 2**31, i * 10**12 - 5, i / 8, i * 1.1 - 3,
            ["", "a", "été", f"longer text number {i}"][i % 4], bytes([i % 256]) * (i % 5), i * 100 - 9000,
            1704067200 * 10**6 + i * 123456789, 946684799999999 + i, i * 12345 - 7, -i * 10**12 - 1, 10**20 * i + i, i)


def as_spark(values):
    """A row with the types that Spark wants."""
    moment = lambda us: None if us is None else EPOCH + datetime.timedelta(microseconds=us)  # noqa: E731
    scaled = lambda v, scale: None if v is None else decimal.Decimal(v).scaleb(-scale, decimal.Context(prec=60))  # noqa: E731
    *plain, day, at, wall, d9, d18, d38, number = values
    at = None if at is None else moment(at).replace(tzinfo=datetime.timezone.utc)
    return (*plain, None if day is None else EPOCH.date() + datetime.timedelta(days=day), at, moment(wall), scaled(d9, 2), scaled(d18, 4),
            scaled(d38, 10), number)
