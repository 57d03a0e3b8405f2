"""The grammar of COPY ... FORMAT AS PARQUET: which options there are, and which are refused with which words."""
import dataclasses
import re

from .dialect import unsupported
from .wire import Failure, inner

# Options of COPY that Parquet does not take, each with how many words of its own follow ('?': an optional ON or OFF).
REFUSED = {
    "acceptanydate": 0, "blanksasnull": 0, "compupdate": "?", "compression": 1, "dateformat": "as", "delimiter": "as", "emptyasnull": 0, "encoding": "as",
    "encrypted": 0, "escape": 0, "fillblanks": 0, "fixedwidth": "as", "ignoreallerrors": 0, "ignoreblanklines": 0, "ignoreheader": "as", "maxerror": "as",
    "null": "as", "quote": "as", "readratio": 1, "region": "as", "removequotes": 0, "roundec": 0, "ssh": 0, "timeformat": "as", "trimblanks": 0,
    "truncatecolumns": 0, "comprows": 1, "gzip": 0, "bzip2": 0, "lzop": 0, "zstd": 0, "master_symmetric_key": "as", "kms_key_id": "as",
}
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{1,12}:role/.+")


@dataclasses.dataclass
class Credentials:
    role: str | None = None  # an ARN, 'default' or 'session'
    key: str | None = None
    secret: str | None = None
    token: str | None = None


@dataclasses.dataclass
class CopyCommand:
    table: tuple
    columns: list | None
    url: str
    credentials: Credentials
    options: set  # manifest, fillrecord, acceptinvchars, serializetojson, statupdate, explicit_ids, noload

    @property
    def bucket(self):
        return self.url[5:].partition("/")[0]

    @property
    def key(self):
        return self.url[5:].partition("/")[2]


def invalid_credentials():
    return inner(8001, "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...' or "
                 "'aws_access_key_id=...;aws_secret_access_key=...[;token=...]'", location="aws_credentials_parser.cpp:64")


def read_credentials_text(said):
    """'aws_iam_role=...' or 'aws_access_key_id=...;aws_secret_access_key=...[;token=...]'"""
    found = dict(part.split("=", 1) for part in said.split(";") if "=" in part)
    if set(found) == {"aws_iam_role"}:
        return Credentials(role=found["aws_iam_role"])
    if set(found) - {"token"} == {"aws_access_key_id", "aws_secret_access_key"}:
        return Credentials(key=found["aws_access_key_id"], secret=found["aws_secret_access_key"], token=found.get("token"))
    raise invalid_credentials()


def read_credentials(reader, so_far):
    """The next part of the authorization, or None where none stands here."""
    if reader.accept("iam_role"):
        role = reader.next().value if reader.peek().is_word("default", "session") else reader.string()
        return Credentials(role=role.lower() if role.lower() in ("default", "session") else role)
    if reader.accept("credentials") or reader.accept("with", "credentials"):
        reader.accept("as")
        return read_credentials_text(reader.string())
    for word, part in (("access_key_id", "key"), ("secret_access_key", "secret"), ("session_token", "token")):
        if reader.accept(word):
            return dataclasses.replace(so_far or Credentials(), **{part: reader.string()})
    return None


def skip_arguments(reader, how):
    if how == "?":
        if reader.peek().is_word("on", "off", "true", "false", "preset"):
            reader.next()
    elif how:
        reader.accept("as")
        reader.next()


def read_option(reader, options, doubts):
    if reader.accept("manifest"):
        options.add("manifest")
    elif reader.peek().is_word("fillrecord", "acceptinvchars", "serializetojson", "explicit_ids", "noload"):
        word = reader.next().value
        if word == "acceptinvchars" and (reader.accept("as") or reader.peek().kind == "string"):
            reader.string()
        if word == "noload" and not doubts.accepts("noload"):
            raise unsupported("NOLOAD argument is not supported for PARQUET based COPY")
        options.add(word)
    elif reader.accept("statupdate"):
        if reader.peek().is_word("on", "off", "true", "false"):
            reader.next()
    elif reader.peek().kind == "word" and reader.peek().value in REFUSED:
        word = reader.next().value
        skip_arguments(reader, REFUSED[word])
        name = "Region" if word == "region" else word.upper()
        raise unsupported(f"{name} argument is not supported for PARQUET based COPY")
    elif reader.peek().is_word("csv", "json", "avro", "orc", "shapefile"):
        raise unsupported("the stand-in copies Parquet and nothing else")
    else:
        raise reader.wrong()


def read(reader, doubts):
    """After the word COPY. A format other than Parquet is refused: the stand-in has no other."""
    if reader.peek().is_operator("("):
        raise reader.wrong()
    table = reader.names()
    columns = reader.name_list() if reader.peek().is_operator("(") else None
    if reader.accept("to"):
        raise Failure("42601", 'syntax error at or near "TO"')
    reader.expect("from")
    if reader.peek().is_word("stdin"):
        raise stdin_refused()
    url = reader.string()
    if not url.startswith("s3://"):
        raise stdin_refused()
    credentials, options, is_parquet = None, set(), False
    while not reader.at_end():
        part = read_credentials(reader, credentials)
        if part:
            credentials = part
        elif reader.accept("format"):
            reader.accept("as")
            is_parquet = reader.accept("parquet")
            if not is_parquet:
                raise unsupported("the stand-in copies Parquet and nothing else")
        elif reader.accept("parquet"):
            is_parquet = True
        else:
            read_option(reader, options, doubts)
    if not is_parquet:
        raise unsupported("the stand-in copies Parquet and nothing else: say FORMAT AS PARQUET")
    check(credentials, url, columns)
    return CopyCommand(table, columns, url, credentials, options)


def stdin_refused():
    failure = unsupported("LOAD source is not supported. (Hint: only S3 or DynamoDB or EMR based load is allowed)")
    return failure


def check(credentials, url, columns):
    if credentials is None:
        raise inner(8001, "Invalid operation: COPY requires an authorization: IAM_ROLE, ACCESS_KEY_ID and SECRET_ACCESS_KEY, or CREDENTIALS",
                    location="aws_credentials_parser.cpp:64")
    if credentials.role is None and not (credentials.key and credentials.secret):
        raise inner(8001, "AWS access key ID not found" if not credentials.key else "AWS secret access key not found",
                    location="aws_credentials_parser.cpp:135")
    if credentials.role not in (None, "default", "session") and not ROLE.fullmatch(credentials.role.split(",")[0]):
        raise invalid_credentials()
    if not url[5:].partition("/")[0]:
        raise inner(8001, "Invalid S3 URL: the bucket is missing", location="s3_utility.cpp:91")
    if columns and len(set(columns)) < len(columns):
        raise Failure("42701", f'column "{next(name for name in columns if columns.count(name) > 1)}" specified more than once')
