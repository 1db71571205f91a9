// Goal: the pure functions on documents and positions do what their specifications say: merge patches those of RFC 7396, digests and epochs
// those of the design. Method: the RFC's own table, tables of our own, and properties.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Deltas } from "../functions/store/deltas.ts";
import { Digest, versionHash } from "../schemas/digest.ts";
import { mergePatch } from "../schemas/document.ts";
import { epochAt, judge } from "../schemas/epochs.ts";
import type { Epoch } from "../schemas/types.ts";

/** RFC 7396, appendix A: original, patch, result. */
const RFC_7396 = `
{"a":"b"} | {"a":"c"} | {"a":"c"}
{"a":"b"} | {"b":"c"} | {"a":"b","b":"c"}
{"a":"b"} | {"a":null} | {}
{"a":"b","b":"c"} | {"a":null} | {"b":"c"}
{"a":["b"]} | {"a":"c"} | {"a":"c"}
{"a":"c"} | {"a":["b"]} | {"a":["b"]}
{"a":{"b":"c"}} | {"a":{"b":"d","c":null}} | {"a":{"b":"d"}}
{"a":[{"b":"c"}]} | {"a":[1]} | {"a":[1]}
["a","b"] | ["c","d"] | ["c","d"]
{"a":"b"} | ["c"] | ["c"]
{"a":"foo"} | null | null
{"a":"foo"} | "bar" | "bar"
{"e":null} | {"a":1} | {"e":null,"a":1}
[1,2] | {"a":"b","c":null} | {"a":"b"}
{} | {"a":{"bb":{"ccc":null}}} | {"a":{"bb":{}}}`;

const json = fc.jsonValue({ maxDepth: 3 });

describe("a JSON Merge Patch", () => {
  const rows = RFC_7396.trim()
    .split("\n")
    .map((line) => line.split(" | ").map((text) => JSON.parse(text) as unknown));
  for (const [original, patch, result] of rows) {
    it(`makes ${JSON.stringify(result)} of ${JSON.stringify(original)} by ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(mergePatch(original, patch), result);
    });
  }

  it("does the same a second time, and touches neither of its arguments", () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        const once = mergePatch(target, patch);
        assert.deepEqual(mergePatch(once, patch), once);
        assert.equal(JSON.stringify([target, patch]), before);
      }),
    );
  });

  it("takes `__proto__` for a name like any other", () => {
    const patched = mergePatch(JSON.parse('{"a":1}'), JSON.parse('{"__proto__":{"admin":true},"constructor":2}')) as object;
    assert.equal(JSON.stringify(patched), '{"a":1,"__proto__":{"admin":true},"constructor":2}');
    assert.equal(Object.getPrototypeOf(patched), Object.prototype);
    assert.equal(
      JSON.stringify(mergePatch(patched, JSON.parse('{"__proto__":{"admin":null}}'))),
      '{"a":1,"__proto__":{},"constructor":2}',
    );
    assert.equal((patched as { admin?: boolean }).admin, undefined);
  });
});

describe("a digest", () => {
  const versions = fc.uniqueArray(fc.tuple(fc.stringMatching(/^\$KV\.datastore\.[a-z]{1,3}\.[a-z]{1,3}$/), fc.nat()), {
    selector: (version) => version.join(" "),
    maxLength: 20,
  });
  const digestOf = (list: readonly [string, number][]) => {
    const digest = new Digest();
    for (const [subject, revision] of list) digest.toggle(versionHash(subject, revision));
    return digest;
  };

  it("is the same in whatever order versions come, and another one for other versions", () => {
    fc.assert(
      fc.property(versions, fc.infiniteStream(fc.nat()), (list, order) => {
        const shuffled = [...list].map((version) => ({ version, at: order.next().value as number })).sort((a, b) => a.at - b.at);
        assert.equal(String(digestOf(shuffled.map(({ version }) => version))), String(digestOf(list)));
        const all = list.map((_one, index) => String(digestOf(list.filter((_other, at) => at !== index))));
        assert.equal(new Set([...all, String(digestOf(list))]).size, list.length + 1);
      }),
    );
  });

  it("goes back to where it was when a version is taken away, and its copy goes its own way", () => {
    const digest = digestOf([["s.a", 1]]);
    const before = String(digest);
    const copy = digest.copy();
    copy.toggle(versionHash("s.b", 2));
    assert.equal(String(digest), before);
    copy.toggle(versionHash("s.b", 2));
    assert.equal(String(copy), before);
    assert.equal(String(new Digest()), "0".repeat(32));
  });

  it("can be followed back to any of its last changes, and to none before these", () => {
    const LIMIT = 5;
    const collection = fc.option(fc.constantFrom("a", "b"), { nil: undefined });
    fc.assert(
      fc.property(fc.array(collection, { maxLength: 6 * LIMIT }), (changes) => {
        const deltas = new Deltas(LIMIT);
        const pushed = changes.map((of, index) => ({
          of,
          revision: index + 1,
          hash: versionHash(`s.${index}`, 1).subarray(0, 16),
        }));
        for (const { of, revision, hash } of pushed) deltas.push(revision, of, hash);
        const oldest = deltas.oldest ?? 1;
        const kept = pushed.length + 1 - oldest;
        assert.ok(kept >= Math.min(pushed.length, LIMIT) && kept <= 2 * LIMIT, `${kept} of ${pushed.length}`);
        for (let from = oldest - 1; from <= pushed.length; from++) {
          const wanted = pushed.filter(({ of, revision }) => of !== undefined && revision > from);
          const plain = [...deltas.after(from)].map(({ collection, hash }) => [collection, Buffer.from(hash).toString("hex")]);
          assert.deepEqual(
            plain,
            wanted.map(({ of, hash }) => [of, Buffer.from(hash).toString("hex")]),
          );
        }
        deltas.clear();
        assert.deepEqual([deltas.oldest, [...deltas.after(0)]], [undefined, []]);
      }),
    );
  });
});

describe("a replica's position", () => {
  const epochs: Epoch[] = [
    { epoch: "first", firstSeq: 1000, serverId: "A" },
    { epoch: "second", firstSeq: 2000, serverId: "B" },
    { epoch: "third", firstSeq: 2001, serverId: "C" },
  ];
  for (const [epoch, cursor, wanted] of [
    ["first", 0, "good"],
    ["first", 1999, "good"],
    ["first", 2000, "beyond-epoch"],
    ["first", 9000, "beyond-epoch"],
    ["second", 2000, "good"],
    ["second", 2001, "beyond-epoch"],
    ["third", 2001, "good"],
    ["third", 9000, "good"],
    ["another", 1500, "unknown-epoch"],
    ["", 0, "unknown-epoch"],
  ] as const) {
    it(`at ${cursor} of ${epoch || "no"} life is ${wanted}`, () => assert.equal(judge(epochs, { epoch, cursor }), wanted));
  }

  it("that holds nothing yet belongs everywhere", () => assert.equal(judge(epochs, undefined), "good"));

  it("is good with the epoch of its own revision, whatever the lives", () => {
    const lives = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }).map((lengths) =>
      lengths.map((_length, n) => ({
        epoch: `e${n}`,
        firstSeq: lengths.slice(0, n + 1).reduce((a, b) => a + b),
        serverId: "S",
      })),
    );
    fc.assert(
      fc.property(lives, fc.nat(500), (list, revision) => {
        const epoch = epochAt(list, revision);
        if (epoch === undefined) assert.ok(revision < (list[0] as Epoch).firstSeq);
        else assert.equal(judge(list, { epoch, cursor: revision }), "good");
      }),
    );
  });
});
