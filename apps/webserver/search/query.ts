/** What a search asks of a line: words, "quoted phrases", field=value; all of them must hold, and with `-` before it one must not. */
import { FrontsyncError } from "../../../bus/index.ts";
import { fieldOf } from "./line.ts";

const MAX_QUERY = 65_536;
const MAX_TERMS = 100;
/** `-`, then either a field with its value or a value alone; a value is quoted or ends at a space. */
const TERM = /\s*(-?)(?:([A-Za-z_@][\w.@-]*)=)?(?:"((?:[^"\\]|\\.)*)"|([^\s"]\S*))/y;
const WORD = /[\p{L}\p{N}_]/u;

export type Matches = (line: string) => boolean;

/** Throws BAD_MESSAGE that says where the query can't be read. */
export function parseQuery(query: unknown): Matches {
  if (typeof query !== "string" || query.trim() === "" || query.length > MAX_QUERY)
    throw bad(`A query has 1 to ${MAX_QUERY} characters.`);
  const terms: Matches[] = [];
  const text = query.trimEnd();
  TERM.lastIndex = 0;
  while (TERM.lastIndex < text.length) {
    const at = TERM.lastIndex;
    const found = TERM.exec(text);
    if (!found) throw bad(`The query can't be read from character ${at + 1} on: is a quote missing?`);
    if (terms.length === MAX_TERMS) throw bad(`A query has at most ${MAX_TERMS} terms.`);
    terms.push(term(found));
  }
  return (line) => terms.every((matches) => matches(line));
}

function term([, minus, field, quoted, bare = ""]: RegExpExecArray): Matches {
  const value = quoted === undefined ? bare : quoted.replace(/\\(.)/g, "$1");
  const matches = field === undefined ? (quoted === undefined ? word(value) : phrase(value)) : valued(field, value);
  return minus === "-" ? (line) => !matches(line) : matches;
}

/** The text, anywhere, in any case. */
function phrase(text: string): Matches {
  const wanted = text.toLowerCase();
  return (line) => line.toLowerCase().includes(wanted);
}

/** The text as a whole word, in any case. */
function word(text: string): Matches {
  const wanted = text.toLowerCase();
  return (line) => {
    const lower = line.toLowerCase();
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
      const before = lower[at - 1];
      const after = lower[at + wanted.length];
      if (!joins(before, wanted[0]) && !joins(wanted.at(-1), after)) return true;
    }
    return false;
  };
}

const joins = (left: string | undefined, right: string | undefined) =>
  left !== undefined && right !== undefined && WORD.test(left) && WORD.test(right);

/** The field has the value; `*` stands for anything. */
function valued(field: string, pattern: string): Matches {
  const parts = pattern.split("*");
  return (line) => {
    const value = fieldOf(line, field);
    return value !== undefined && fits(value, parts);
  };
}

/** Piece after piece, so that no pattern takes longer than its value is long. */
function fits(value: string, parts: readonly string[]): boolean {
  const [first = "", ...others] = parts;
  const last = others.pop();
  if (last === undefined) return value === first;
  if (!value.startsWith(first) || !value.endsWith(last) || value.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of others) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= value.length - last.length;
}

function bad(message: string): FrontsyncError {
  return new FrontsyncError("BAD_MESSAGE", message, { path: "/query" });
}
