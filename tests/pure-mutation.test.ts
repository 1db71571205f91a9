// Goal: a retry of a mutation is recognised for ever, whatever else has reached the document, and nobody can make another webserver's
// writes pass for done. Method: properties over random histories of one document.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addSeen, hasSeen, joinSeen, mutationId } from "../schemas/mutation.ts";

const SOURCES = 64;
const OWN_IDS = 256;
/** Mutations as the datastore remembers them: each only when it is not in yet. */
interface Sent {
  webserver: string;
  mutation: string;
}
const remember = (sent: readonly Sent[], seen = "") =>
  sent.reduce((so, { webserver, mutation }) => (hasSeen(so, mutation) ? so : addSeen(so, mutation, webserver)), seen);

const webserver = fc.constantFrom("web1", "web2", "web-3", "w_4");
const own: fc.Arbitrary<Sent> = fc
  .tuple(webserver, fc.constantFrom("0a", "b1"), fc.nat(50))
  .map(([name, incarnation, n]) => ({ webserver: name, mutation: mutationId(name, incarnation, n) }));
const chosen: fc.Arbitrary<Sent> = fc
  .tuple(webserver, fc.stringMatching(/^[A-Za-z0-9_.:-]{1,40}$/))
  .map(([name, mutation]) => ({ webserver: name, mutation }));

describe("what a version has seen", () => {
  it("has every mutation that reached it, and every earlier one of the same source", () => {
    fc.assert(
      fc.property(fc.array(own, { minLength: 1, maxLength: 40 }), (sent) => {
        const seen = remember(sent);
        for (const { mutation } of sent) {
          assert.ok(hasSeen(seen, mutation));
          const [name, incarnation, n] = mutation.split(".") as [string, string, string];
          for (let earlier = 0; earlier < Number(n); earlier++) assert.ok(hasSeen(seen, mutationId(name, incarnation, earlier)));
        }
      }),
    );
  });

  it("has nothing that did not reach it", () => {
    fc.assert(
      fc.property(fc.array(own, { maxLength: 40 }), own, (sent, other) => {
        const [name, incarnation, n] = other.mutation.split(".") as [string, string, string];
        const highest = Math.max(
          -1,
          ...sent.flatMap(({ mutation }) => {
            const [by, life, number] = mutation.split(".");
            return by === name && life === incarnation ? [Number(number)] : [];
          }),
        );
        assert.equal(hasSeen(remember(sent), other.mutation), Number(n) <= highest);
      }),
    );
  });

  it("has a mutation id of the caller's choice until 256 others came after it", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(chosen, { minLength: OWN_IDS, maxLength: 300, selector: ({ mutation }) => mutation }),
        own,
        (sent, other) => {
          const seen = remember([...sent, other]);
          for (const { mutation } of sent.slice(-OWN_IDS)) assert.ok(hasSeen(seen, mutation), mutation);
          // Two stores' memories of one document, one of which has half of it.
          const both = joinSeen(remember(sent.slice(0, OWN_IDS / 2)), remember(sent));
          for (const { mutation } of sent.slice(-OWN_IDS)) assert.ok(hasSeen(both, mutation), mutation);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("keeps a webserver's mark from what another one sends in its name", () => {
    fc.assert(
      fc.property(fc.array(own, { maxLength: 10 }), fc.nat(50), fc.integer({ min: 51, max: 9999 }), (sent, n, high) => {
        const seen = addSeen(remember(sent), mutationId("web1", "0a", high), "web2");
        const next = mutationId("web1", "0a", 50 + 1 + (n % 40));
        if (next !== mutationId("web1", "0a", high)) assert.equal(hasSeen(seen, next), false);
        assert.ok(hasSeen(seen, mutationId("web1", "0a", high)), "that very id is one mutation, whoever sends it");
      }),
    );
  });

  it("stays within bounds, and forgets first what has not been touched for longest", () => {
    const many = Array.from({ length: 500 }, (_one, n) => [
      { webserver: `web${n}`, mutation: mutationId(`web${n}`, "0a", n) },
      { webserver: "web", mutation: `given:${n}` },
    ]).flat();
    const seen = remember(many);
    assert.equal(seen.split(" ").length, SOURCES + OWN_IDS);
    assert.ok(hasSeen(seen, mutationId("web436", "0a", 436)) && !hasSeen(seen, mutationId("web435", "0a", 435)));
    assert.ok(hasSeen(seen, "given:244") && !hasSeen(seen, "given:243"));
    const touched = remember([{ webserver: "web436", mutation: mutationId("web436", "0a", 437) }, ...many.slice(0, 2)], seen);
    assert.ok(hasSeen(touched, mutationId("web436", "0a", 437)));
    const longest = Array.from({ length: 500 }, (_one, n) => ({
      webserver: `${n}`.padStart(64, "w"),
      mutation: mutationId(`${n}`.padStart(64, "w"), "0123456789abc", 9_007_199_254_740_991),
    }));
    const long = remember([...many.map((sent) => ({ ...sent, mutation: sent.mutation.padEnd(128, "x") })), ...longest]);
    assert.ok(long.length <= 12_000, "as much as messages may carry");
    assert.ok(hasSeen(long, "given:420".padEnd(128, "x")), "also then more than those that are kept whole");
  });

  it("tells names apart that begin alike", () => {
    const seen = remember([{ webserver: "web1", mutation: mutationId("web1", "0a", 9) }]);
    for (const other of [
      "web1.0a1.1",
      "web11.0a.1",
      "eb1.0a.1",
      "web1.0.1",
      "web1.0a.10",
      "web1.0a",
      "web1",
      "0a.9",
      "=9",
      "web1.0a=9",
      "",
    ])
      assert.equal(hasSeen(seen, other), false, other);
  });
});
