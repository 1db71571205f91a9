// Goal: gravwell.conf's syntax is read as it was written, with the line of everything, and whatever is no such file is told with its line.
// Method: properties over generated files (the seed is printed on a failure), and the odd lines of the product's documentation by hand.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrontsyncError } from "../schemas/errors.ts";
import { understand } from "../scripts/support/config/file.ts";
import { parseSyntax } from "../scripts/support/config/syntax.ts";
import { printed } from "./support/config-print.ts";

const FILE = "some.conf";
const values = (text: string) =>
  parseSyntax(`[Global]\n${text}\n`, FILE).flatMap(({ entries }) => entries.map(({ value }) => value));

describe("the syntax of a configuration file", () => {
  test("what is printed is read again, with its lines", () => {
    fc.assert(
      fc.property(printed, ({ text, blocks }) => {
        assert.deepEqual(parseSyntax(text, FILE), blocks);
      }),
      { numRuns: 1000 },
    );
  });

  test("no text makes it throw anything but BAD_CONFIG with file and line", () => {
    const token = fc.constantFrom(
      "[",
      "]",
      '"',
      "`",
      "\\",
      "#",
      ";",
      "=",
      "\n",
      "\r\n",
      " ",
      "\t",
      "Global",
      "Override",
      "Datastore",
      "x",
      "\0",
      "\uD800",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join("")),
      fc.array(token, { maxLength: 60 }).map((tokens) => `[Global]\n${tokens.join("")}`),
    );
    fc.assert(
      fc.property(text, (config) => {
        try {
          understand(config, FILE);
        } catch (error) {
          assert.ok(error instanceof FrontsyncError, String(error));
          assert.equal(error.code, "BAD_CONFIG");
          const [, line] = /^some\.conf:(\d+): /.exec(error.message) ?? [];
          assert.ok(Number(line) >= 1 && Number(line) <= config.split("\n").length, error.message);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("comments end a value, unless they are quoted", () => {
    assert.deepEqual(values("A=10.0.0.5\t# listen only on 10.0.0.5\nB=9555\t\t\t\t\t; another"), ["10.0.0.5", "9555"]);
    assert.deepEqual(values('A="a # b ; c"\nB=`a "# b`\nC = x"#"y # z'), ["a # b ; c", 'a "# b', "x#y"]);
  });

  test("blanks around a value are not of it, blanks inside and in quotes are", () => {
    assert.deepEqual(values('\tA =\t a  b \t\nB=" c "\nC=\nD'), ["a  b", " c ", "", undefined]);
  });

  test("a backslash at the end joins two lines, and lines are still counted", () => {
    const [block] = parseSyntax("[Global]\nA=one\\\n two\nB=3", FILE);
    assert.deepEqual(block?.entries, [
      { name: "A", value: "one two", line: 2 },
      { name: "B", value: "3", line: 4 },
    ]);
  });

  for (const [text, message] of [
    ["A=1", "some.conf:1: a setting stands before the first section. Write [Global] above it."],
    ["[Global", 'some.conf:1: the section "Global" needs a closing ]: [Global] or [Global "name"].'],
    ["\n[]", "some.conf:2: a section begins with its name: [Global]."],
    ['[Global]\n\nA="b', 'some.conf:3: a " is missing at the end of what is quoted.'],
    ["[Global]\nA=`b\n`", "some.conf:2: a ` is missing at the end of what is quoted."],
    ["[Global]\nA=C:\\dir", 'some.conf:2: "\\d" has no meaning. Write \\\\ for a backslash, or the value between backquotes.'],
    ["[Global]\nA: b", 'some.conf:2: "A" is followed by ": b". Write A = value.'],
    ["[Global]\n= b", 'some.conf:2: "= b" is no setting. Write Name = value, or # before a comment.'],
    ["[Global]\nA=\u0007", "some.conf:2: there is a character that is no text. The file must be UTF-8."],
  ] as const) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseSyntax(text, FILE), { code: "BAD_CONFIG", message });
    });
  }
});
