// Goal: versions that come back give the same, in whatever order and however often they come.
// Method: the pure decision, folded over permutations of versions with equal and different times; the mutations they have seen stay known.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bringBack } from "../functions/commit/bring-back.ts";
import type { Current } from "../functions/commit/decide.ts";
import { loadSchemas } from "../schemas/index.ts";
import { hasSeen, joinSeen } from "../schemas/mutation.ts";
import type { RestoredVersion } from "../schemas/types.ts";

const dashboards = loadSchemas().collection("dashboards");

function version(at: number, name: string, deleted = false): RestoredVersion {
  const time = new Date(at).toISOString();
  const about = {
    collection: "dashboards",
    id: "d",
    version: name,
    at: time,
    created: time,
    by: 0,
    webserver: "web1",
    seen: `~${name}`,
  };
  return deleted ? about : { ...about, doc: { id: "d", name } };
}

/** What is there when all of them have come. */
function fold(versions: readonly RestoredVersion[]): Current | undefined {
  let current: Current | undefined;
  for (const each of versions) {
    const { write } = bringBack(dashboards, each, current, { withoutSecrets: false });
    if (!write) continue;
    const { deleted, body, envelope } = write;
    current = { revision: (current?.revision ?? 0) + 1, deleted, body, envelope: { ...envelope, signature: "" } };
  }
  return current;
}

test("the later version stays, in any order and any number of times", () => {
  const versions = [
    version(0, "first"),
    version(5, "a"),
    version(5, "b"),
    version(7, "c", true),
    version(7, "bb"),
    version(3, "z"),
  ];
  const some = fc.subarray(versions, { minLength: 1 });
  fc.assert(
    fc.property(
      some.chain((chosen) =>
        fc.tuple(fc.constant(chosen), fc.shuffledSubarray([...chosen, ...chosen], { minLength: chosen.length * 2 })),
      ),
      ([chosen, shuffled]) => {
        const latest = [...chosen].sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.version < b.version ? -1 : 1)).at(-1);
        const held = fold(shuffled);
        assert.deepEqual([held?.envelope?.version, held?.deleted], [latest?.version, latest?.doc === undefined]);
      },
    ),
  );
});

test("what one or the other has seen stays known", () => {
  const joined = joinSeen("web1.abc=5 ~own", "web2.abc=1 web1.abc=3 ~other");
  for (const mutation of ["web1.abc.5", "web2.abc.1", "own", "other"]) assert.ok(hasSeen(joined, mutation), mutation);
  assert.ok(!hasSeen(joined, "web1.abc.6"));
  assert.deepEqual([joinSeen("", ""), joinSeen("~a", ""), joinSeen("", "w.a=1")], ["", "~a", "w.a=1"]);
});

test("exactly: each version becomes what is given, whatever is there; a second time changes nothing; time and what was seen never go back", () => {
  const time = fc.integer({ min: 0, max: 20 });
  const given = fc
    .tuple(time, fc.constantFrom("a", "b", "c"), fc.boolean())
    .map(([at, name, deleted]) => version(at, name, deleted));
  fc.assert(
    fc.property(fc.array(given, { minLength: 1, maxLength: 8 }), time, (all, now) => {
      let current: Current | undefined;
      for (const [index, each] of all.entries()) {
        const how = { withoutSecrets: false, exact: { version: `restore:${index}`, now } };
        const { write } = bringBack(dashboards, each, current, how);
        if (write) {
          const { deleted, body, envelope } = write;
          const before = current?.envelope;
          assert.ok(!before || Date.parse(envelope.at) > Date.parse(before.at) || envelope.version > before.version);
          if (current?.envelope) assert.ok(hasSeen(envelope.seen, current.envelope.seen.slice(1).split(" ")[0] ?? ""));
          current = { revision: index + 1, deleted, body, envelope: { ...envelope, signature: "" } };
        }
        assert.equal(current?.deleted, each.doc === undefined);
        const doc = current?.deleted ? undefined : JSON.parse(String(Buffer.from(current?.body ?? "")));
        assert.deepEqual([doc?.name, doc?.updatedAt], [each.doc?.name, each.doc && each.at]);
        assert.equal(bringBack(dashboards, each, current, how).outcome, "left");
      }
    }),
  );
});
