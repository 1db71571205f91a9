/** Prints a configuration in every way that its syntax allows, for the tests of the parser. */
import fc from "fast-check";
import type { Block } from "../../scripts/support/config/syntax.ts";

/** How one value is written, and what stands around it. */
export interface Style {
  quote: "bare" | "quoted" | "raw" | "pieces";
  blank: string;
  comment: string;
  emptyLines: number;
  upper: boolean;
}

export interface Printed {
  text: string;
  blocks: Block[];
}

const NAME = /^[A-Za-z][A-Za-z0-9-]{0,12}$/;
const name = fc.stringMatching(NAME);
// Tabs and line ends are written as escapes; other control characters can't be written.
const value = fc
  .string({ unit: "grapheme-composite", maxLength: 20 })
  .map((text) => text.replaceAll(/(?![\t\n])\p{Cc}|\uFFFD/gu, "."));
const hostile = fc.stringMatching(/^[ \t"\\#;=`[\]a\n]{0,12}$/);

export const style: fc.Arbitrary<Style> = fc.record({
  quote: fc.constantFrom("bare", "quoted", "raw", "pieces"),
  blank: fc.constantFrom("", " ", "\t", " \t "),
  comment: fc.constantFrom("", "# a comment", '; "quoted', "#`"),
  emptyLines: fc.nat(2),
  upper: fc.boolean(),
});

const entry = fc.record({ name, value: fc.option(fc.oneof(value, hostile), { nil: undefined }), style });
const block = fc.record({
  section: name,
  title: fc.option(fc.oneof(value, hostile), { nil: undefined }),
  entries: fc.array(entry, { maxLength: 5 }),
  style,
});

/** Configurations, each with its text and what a parser must find in it, lines included. */
export const printed: fc.Arbitrary<Printed> = fc
  .record({ blocks: fc.array(block, { maxLength: 4 }), end: fc.constantFrom("\n", "\r\n"), mark: fc.boolean() })
  .map(({ blocks, end, mark }) => {
    const lines: string[] = [];
    const found: Block[] = [];
    for (const { section, title, entries, style: header } of blocks) {
      lines.push(...Array<string>(header.emptyLines).fill(header.blank + header.comment));
      const named = title === undefined ? "" : ` ${quoted(title)}`;
      lines.push(`${header.blank}[${section}${named}${header.blank}]${header.blank}${header.comment}`);
      const read: Block = { section, title, line: lines.length, entries: [] };
      for (const { name: key, value: text, style: how } of entries) {
        const { blank, comment } = how;
        lines.push(`${blank}${key}${text === undefined ? "" : `${blank}=${blank}${written(text, how)}`}${blank}${comment}`);
        read.entries.push({ name: key, value: text, line: lines.length });
        lines.push(...Array<string>(how.emptyLines).fill(blank + comment));
      }
      found.push(read);
    }
    return { text: (mark ? "\uFEFF" : "") + lines.map((line) => line + end).join(""), blocks: found };
  });

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`;
}

/** As it was asked for, where the text allows that. */
function written(text: string, { quote }: Style): string {
  if (quote === "raw" && !/[`\n]/.test(text)) return `\`${text}\``;
  if (quote === "bare" && text === text.trim() && !/[#;"`\\\n]/.test(text)) return text;
  if (quote === "pieces") {
    const characters = [...text];
    const middle = Math.floor(characters.length / 2);
    return quoted(characters.slice(0, middle).join("")) + quoted(characters.slice(middle).join(""));
  }
  return quoted(text);
}
