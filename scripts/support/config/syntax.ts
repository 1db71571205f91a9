/** The syntax of gravwell.conf, which is git-config's: what is written where, without what it means. */
import { at } from "./fault.ts";

/** A file of settings is small; what is larger is something else. */
const MAX_CHARACTERS = 1024 * 1024;
const MAX_ENTRIES = 10_000;
/** What an error shows of a line. */
const SHOWN = 40;

/** `[Section "title"]`, and what follows it up to the next header. */
export interface Block {
  section: string;
  /** undefined: none was given. */
  title: string | undefined;
  line: number;
  entries: Entry[];
}

export interface Entry {
  name: string;
  /** undefined: the name stands alone, which is a yes. */
  value: string | undefined;
  line: number;
}

const SECTION = /[A-Za-z][A-Za-z0-9._-]*/y;
const NAME = /[A-Za-z][A-Za-z0-9_-]*/y;
const BLANKS = /[ \t\r\f\v]*/y;
const COMMENT = /[#;][^\n]*/y;
/** Of a bare value, up to what has a meaning of its own. */
const BARE = /[^\n#;"`\\]+/y;
const QUOTED = /[^\n"\\]+/y;
const RAW = /`([^`\n]*)`/y;
const ESCAPES: Record<string, string> = { "\\": "\\", '"': '"', "`": "`", n: "\n", t: "\t", b: "\b" };

/** The blocks of a file in their order; a block may come again. `file` is for the messages. Throws BAD_CONFIG with file and line. */
export function parseSyntax(text: string, file: string): Block[] {
  return new Parser(text, file).blocks();
}

class Parser {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;

  constructor(text: string, file: string) {
    // Editors of other systems begin a file with a mark, and end lines with two characters.
    this.#text = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
    this.#file = file;
    if (text.length > MAX_CHARACTERS)
      throw this.#fault(`it is larger than ${MAX_CHARACTERS} characters: is it a file of settings?`);
    this.#checkCharacters();
  }

  blocks(): Block[] {
    const blocks: Block[] = [];
    let entries = 0;
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      const block = blocks.at(-1);
      if (this.#text[this.#at] === "[") blocks.push(this.#header());
      else if (block === undefined) throw this.#fault("a setting stands before the first section. Write [Global] above it.");
      else if (++entries > MAX_ENTRIES) throw this.#fault(`more than ${MAX_ENTRIES} settings.`);
      else block.entries.push(this.#entry());
    }
    return blocks;
  }

  /** To the next header or setting. */
  #skip(): void {
    for (;;) {
      this.#take(BLANKS);
      this.#take(COMMENT);
      if (this.#text[this.#at] !== "\n") return;
      this.#next();
    }
  }

  #header(): Block {
    const line = this.#line;
    this.#at++;
    this.#take(BLANKS);
    const section = this.#take(SECTION);
    if (section === undefined) throw this.#fault("a section begins with its name: [Global].");
    this.#take(BLANKS);
    const title = this.#text[this.#at] === '"' ? this.#quoted() : undefined;
    this.#take(BLANKS);
    if (this.#text[this.#at] !== "]")
      throw this.#fault(`the section "${section}" needs a closing ]: [${section}] or [${section} "name"].`);
    this.#at++;
    return { section, title, line, entries: [] };
  }

  #entry(): Entry {
    const line = this.#line;
    const name = this.#take(NAME);
    if (name === undefined) throw this.#fault(`"${this.#rest()}" is no setting. Write Name = value, or # before a comment.`);
    this.#take(BLANKS);
    if (this.#text[this.#at] === "=") {
      this.#at++;
      return { name, value: this.#value(), line };
    }
    this.#take(COMMENT);
    if (this.#at < this.#text.length && this.#text[this.#at] !== "\n")
      throw this.#fault(`"${name}" is followed by "${this.#rest()}". Write ${name} = value.`);
    return { name, value: undefined, line };
  }

  /** Pieces that follow each other are one value; blanks around it do not belong to it, but for quoted ones. */
  #value(): string {
    let value = "";
    let kept = 0;
    this.#take(BLANKS);
    for (;;) {
      const bare = this.#take(BARE);
      if (bare !== undefined) {
        value += bare;
        kept = Math.max(kept, value.trimEnd().length);
        continue;
      }
      const next = this.#text[this.#at];
      if (next === '"') value += this.#quoted();
      else if (next === "`") value += this.#raw();
      else if (next === "\\") value += this.#escape();
      else break;
      kept = value.length;
    }
    this.#take(COMMENT);
    return value.slice(0, kept);
  }

  #quoted(): string {
    this.#at++;
    let text = "";
    for (;;) {
      const plain = this.#take(QUOTED);
      if (plain !== undefined) text += plain;
      else if (this.#text[this.#at] === "\\") text += this.#escape();
      else if (this.#text[this.#at] === '"') break;
      else throw this.#fault('a " is missing at the end of what is quoted.');
    }
    this.#at++;
    return text;
  }

  #raw(): string {
    const raw = this.#take(RAW);
    if (raw === undefined) throw this.#fault("a ` is missing at the end of what is quoted.");
    return raw.slice(1, -1);
  }

  /** A backslash at the end of a line joins it with the next one. */
  #escape(): string {
    const character = this.#text[this.#at + 1] ?? "";
    if (character === "\n") {
      this.#at++;
      this.#next();
      return "";
    }
    const meant = ESCAPES[character];
    if (meant === undefined)
      throw this.#fault(`"\\${character}" has no meaning. Write \\\\ for a backslash, or the value between backquotes.`);
    this.#at += 2;
    return meant;
  }

  /** What the pattern finds here, if it is not nothing. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (!found) return undefined;
    this.#at += found.length;
    return found;
  }

  #next(): void {
    this.#at++;
    this.#line++;
  }

  #rest(): string {
    const end = this.#text.indexOf("\n", this.#at);
    return this.#text
      .slice(this.#at, end < 0 ? undefined : end)
      .slice(0, SHOWN)
      .trimEnd();
  }

  /** A file of another kind is told as one, and no control character gets into a setting or a terminal. */
  #checkCharacters(): void {
    const bad = /(?![\t\n\v\f\r])\p{Cc}|\p{Cs}|\uFFFD/u.exec(this.#text);
    if (!bad) return;
    this.#line = this.#text.slice(0, bad.index).split("\n").length;
    throw this.#fault("there is a character that is no text. The file must be UTF-8.");
  }

  #fault(what: string): Error {
    return at(`${this.#file}:${this.#line}`, what);
  }
}
