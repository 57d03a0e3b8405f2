"""SQL as Redshift's lexer sees it: words, quoted names, literals with backslash escapes, numbers, operators, comments.

Nothing in this package looks for words in raw SQL: a word inside a literal or a comment is no word.
"""
import dataclasses

from .wire import Failure

SPACE, COMMENT, WORD, QUOTED, STRING, NUMBER, PARAMETER, OPERATOR = "space", "comment", "word", "quoted", "string", "number", "parameter", "operator"
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
SYMBOLS = "+-*/<>=~!@#%^&|`?"
SHORT = {"::", "..", ":="}


@dataclasses.dataclass
class Token:
    kind: str
    text: str  # as it was written
    value: str = ""  # of a word: in lower case; of a quoted name or a literal: what it says

    def is_word(self, *words):
        return self.kind == WORD and self.value in words

    def is_name(self):
        return self.kind in (WORD, QUOTED)

    def is_operator(self, text):
        return self.kind == OPERATOR and self.text == text


def fold(name):
    """Lower case of ASCII letters, as PostgreSQL folds in UTF-8."""
    return "".join(letter.lower() if "A" <= letter <= "Z" else letter for letter in name)


def unterminated(what, sql, at):
    raise Failure("42601", f'unterminated {what} at or near "{sql[at:at + 20]}"')


def read_string(sql, at):
    """The end of a literal that begins at `at`, and its value. A backslash escapes; octal digits are a byte, as in 8.0."""
    value, i = [], at + 1
    while i < len(sql):
        letter = sql[i]
        if letter == "'":
            if sql[i + 1:i + 2] != "'":
                return i + 1, "".join(value)
            i += 1
        elif letter == "\\" and i + 1 < len(sql):
            i += 1
            digits = 0
            while digits < 3 and sql[i + digits:i + digits + 1] in tuple("01234567"):
                digits += 1
            if digits:
                letter = chr(int(sql[i:i + digits], 8) & 255)
                i += digits - 1
            else:
                letter = ESCAPES.get(sql[i], sql[i])
        value.append(letter)
        i += 1
    return unterminated("quoted string", sql, at)


def read_quoted(sql, at):
    value, i = [], at + 1
    while i < len(sql):
        if sql[i] == '"':
            if sql[i + 1:i + 2] != '"':
                return i + 1, "".join(value)
            i += 1
        value.append(sql[i])
        i += 1
    return unterminated("quoted identifier", sql, at)


def read_comment(sql, at):
    """Comments in stars nest."""
    depth, i = 1, at + 2
    while i < len(sql) and depth:
        pair = sql[i:i + 2]
        depth += (pair == "/*") - (pair == "*/")
        i += 2 if pair in ("/*", "*/") else 1
    return i if depth == 0 else unterminated("/* comment", sql, at)


def while_in(sql, at, belongs):
    while at < len(sql) and belongs(sql[at]):
        at += 1
    return at


def read_number(sql, at):
    end = while_in(sql, at, str.isdigit)
    if sql[end:end + 1] == "." and sql[end:end + 2] != "..":
        end = while_in(sql, end + 1, str.isdigit)
    if sql[end:end + 1] in ("e", "E"):
        sign = end + 1 + (sql[end + 1:end + 2] in ("+", "-"))
        if sql[sign:sign + 1].isdigit():
            end = while_in(sql, sign, str.isdigit)
    return end


def is_name_start(letter):
    return letter.isalpha() or letter == "_" or ord(letter) > 127


def is_name_part(letter):
    return is_name_start(letter) or letter.isdigit() or letter == "$"


def read_operator(sql, at):
    if sql[at:at + 2] in SHORT:
        return at + 2
    if sql[at] not in SYMBOLS:
        return at + 1
    end = at
    while end < len(sql) and sql[end] in SYMBOLS and sql[end:end + 2] not in ("--", "/*"):
        end += 1
    while end > at + 1 and sql[end - 1] in "+-" and not any(letter in "~!@#%^&|`?" for letter in sql[at:end]):
        end -= 1  # "=-1" is two operators
    return end


def next_token(sql, at):
    letter = sql[at]
    if letter.isspace():
        end = while_in(sql, at, str.isspace)
        return end, Token(SPACE, sql[at:end])
    if sql.startswith("--", at):
        end = sql.find("\n", at)
        end = len(sql) if end < 0 else end
        return end, Token(COMMENT, sql[at:end])
    if sql.startswith("/*", at):
        end = read_comment(sql, at)
        return end, Token(COMMENT, sql[at:end])
    if letter == "'":
        end, value = read_string(sql, at)
        return end, Token(STRING, sql[at:end], value)
    if letter == '"':
        end, value = read_quoted(sql, at)
        return end, Token(QUOTED, sql[at:end], value)
    if letter == "$" and sql[at + 1:at + 2].isdigit():
        end = while_in(sql, at + 1, str.isdigit)
        return end, Token(PARAMETER, sql[at:end])
    if letter.isdigit() or (letter == "." and sql[at + 1:at + 2].isdigit()):
        end = read_number(sql, at)
        return end, Token(NUMBER, sql[at:end])
    if is_name_start(letter):
        end = while_in(sql, at + 1, is_name_part)
        return end, Token(WORD, sql[at:end], fold(sql[at:end]))
    end = read_operator(sql, at)
    return end, Token(OPERATOR, sql[at:end])


def tokenize(sql):
    found, at = [], 0
    while at < len(sql):
        at, token = next_token(sql, at)
        found.append(token)
    return found


def split(tokens):
    """Statements: what stands between semicolons, and has anything in it."""
    statement, depth = [], 0
    for token in [*tokens, Token(OPERATOR, ";")]:
        depth += (token.text == "(") - (token.text == ")") if token.kind == OPERATOR else 0
        if not token.is_operator(";"):
            statement.append(token)
            continue
        if any(one.kind not in (SPACE, COMMENT) for one in statement):
            yield statement
        statement = []


class Reader:
    """Reads a statement word by word; spaces and comments are not there."""

    def __init__(self, tokens, is_case_sensitive=False):
        self.tokens = [token for token in tokens if token.kind not in (SPACE, COMMENT)]
        self.at, self.is_case_sensitive = 0, is_case_sensitive

    def peek(self, ahead=0):
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else Token(OPERATOR, "")

    def at_end(self):
        return self.at >= len(self.tokens)

    def next(self):
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *words):
        """True, and past them, when these words come next."""
        if not all(self.peek(i).is_word(word) for i, word in enumerate(words)):
            return False
        self.at += len(words)
        return True

    def accept_any(self, *words):
        """The one of these words that comes next, or None."""
        return self.next().value if self.peek().is_word(*words) else None

    def accept_operator(self, text):
        if not self.peek().is_operator(text):
            return False
        self.at += 1
        return True

    def wrong(self):
        """What PostgreSQL says of a token that has no place here."""
        if self.at_end():
            return Failure("42601", "syntax error at end of input")
        return Failure("42601", f'syntax error at or near "{self.peek().text}"')

    def expect(self, *words):
        if not self.accept(*words):
            raise self.wrong()

    def expect_operator(self, text):
        if not self.accept_operator(text):
            raise self.wrong()

    def string(self):
        if self.peek().kind != STRING:
            raise self.wrong()
        return self.next().value

    def number(self):
        if self.peek().kind != NUMBER or not self.peek().text.isdigit():
            raise self.wrong()
        return int(self.next().text)

    def name(self):
        """One part of a name, folded: a quoted one, too, unless the session has asked otherwise."""
        if not self.peek().is_name():
            raise self.wrong()
        token = self.next()
        return token.value if token.kind == QUOTED and self.is_case_sensitive else fold(token.value)

    def names(self):
        """schema.table as a tuple of parts."""
        parts = [self.name()]
        while self.accept_operator("."):
            parts.append(self.name())
        return tuple(parts)

    def name_list(self):
        """(a, b, c)"""
        self.expect_operator("(")
        found = [self.name()]
        while self.accept_operator(","):
            found.append(self.name())
        self.expect_operator(")")
        return found

    def group(self):
        """The tokens between the parentheses that begin here."""
        self.expect_operator("(")
        depth, start = 1, self.at
        while depth:
            if self.at_end():
                raise self.wrong()
            token = self.next()
            depth += token.is_operator("(") - token.is_operator(")")
        return self.tokens[start:self.at - 1]

    def rest(self):
        found, self.at = self.tokens[self.at:], len(self.tokens)
        return found
