// Goal: a query means what it says, and no query can break a search or hold it up. Method: queries against lines, beside what is expected; then made-up
// ones, which are either refused with BAD_MESSAGE or answer.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fieldOf, timeOf } from "../apps/webserver/search/line.ts";
import { parseQuery } from "../apps/webserver/search/query.ts";
import { FrontsyncError } from "../bus/index.ts";

const PLAIN = '2026-01-02T03:04:05Z web1 GET /api/login status=422 user="Anna B" took=17ms';
const JSON_LINE = '{"time":"2026-01-02T03:04:05Z","http":{"status":500},"msg":"disk is full","a.b":"c"}';

describe("a query", () => {
  const cases: [query: string, line: string, fits: boolean][] = [
    ["login", PLAIN, true],
    ["LOGIN", PLAIN, true],
    ["log", PLAIN, false],
    ["/api/login", PLAIN, true],
    ["web1 login", PLAIN, true],
    ["web1 logout", PLAIN, false],
    ["-logout", PLAIN, true],
    ["-login", PLAIN, false],
    ['"get /api"', PLAIN, true],
    ['"api get"', PLAIN, false],
    ["status=422", PLAIN, true],
    ["status=42", PLAIN, false],
    ["status=4*", PLAIN, true],
    ["status=*2*", PLAIN, true],
    ["status=*22", PLAIN, true],
    ["status=22*22", PLAIN, false],
    ["-status=200", PLAIN, true],
    ["tus=422", PLAIN, false],
    ['user="Anna B"', PLAIN, true],
    ["user=anna*", PLAIN, false],
    ["nothing=*", PLAIN, false],
    ["http.status=500", JSON_LINE, true],
    ["a.b=c", JSON_LINE, true],
    ['msg="disk is full" full', JSON_LINE, true],
    ["http.toString=*", JSON_LINE, false],
    ["__proto__=*", JSON_LINE, false],
    ["ÄRGER", "es gibt ärger hier", true],
    ['"say \\"no\\""', 'they say "no"', true],
  ];
  for (const [query, line, fits] of cases)
    it(`${query} ${fits ? "fits" : "does not fit"} ${line.slice(0, 30)}`, () => {
      assert.equal(parseQuery(query)(line), fits);
    });

  it("that can't be read is refused, and says where", () => {
    for (const query of ["", "  ", undefined, 7, "x".repeat(65_537), '"open', 'a "b', "word ".repeat(101)])
      assert.throws(
        () => parseQuery(query),
        (error: unknown) => error instanceof FrontsyncError && error.code === "BAD_MESSAGE" && error.path === "/query",
      );
  });

  it("made up of anything is refused or answers", () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab=*-"\\ {}:.äß1[', "a=b", '"x"'), maxLength: 40 });
    fc.assert(
      fc.property(text, fc.oneof(text, fc.json()), (query, line) => {
        try {
          assert.equal(typeof parseQuery(query)(line), "boolean");
        } catch (error) {
          assert.ok(error instanceof FrontsyncError && error.code === "BAD_MESSAGE", String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a line", () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5);
  const times: [line: string, time: number | undefined][] = [
    ["2026-01-02T03:04:05Z x", at],
    ["2026-01-02 03:04:05,250 x", at + 250],
    ["[2026-01-02T04:04:05+01:00] x", at],
    [`${at / 1000} x`, at],
    [`${at + 7} x`, at + 7],
    ['1.2.3.4 - - [02/Jan/2026:04:04:05 +0100] "GET /"', at],
    ['{"time":"2026-01-02T03:04:05Z"}', at],
    [`{"level":30,"time":${at}}`, at],
    ['{"msg":"2026-01-02T03:04:05Z"}', undefined],
    ["2026-99-99T99:99:99Z x", undefined],
    ["    at Object.<anonymous>", undefined],
  ];
  for (const [line, time] of times) it(`${line} has its time`, () => assert.equal(timeOf(line), time));

  it("has its fields, quoted or not", () => {
    assert.equal(fieldOf('a=1,b="x \\"y\\"" c=[d=2]', "b"), 'x "y"');
    assert.equal(fieldOf("a=1,b=2 c=[d=2]", "d"), "2");
    assert.equal(fieldOf("{no json} a=1", "a"), "1");
    assert.equal(fieldOf('{"a":null,"b":[1]}', "a"), "null");
    assert.equal(fieldOf('{"b":[1]}', "b"), "[1]");
  });
});
