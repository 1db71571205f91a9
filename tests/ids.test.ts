// Goal: any id that is accepted names one document and no other, from the webserver that writes it to the one that reads it. Method: properties
// of the encoding, and on a real bus ids that would be wildcards, separators, escapes or hashes if they were not encoded.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import type { Bus, Collection, Entry } from "../bus/index.ts";
import { escapeId, idOf, idToken, isHashed, parseStoreSubject, storeSubject, unescapeId } from "../bus/wire/subjects.ts";
import { checkId, MAX_ID_BYTES } from "../schemas/document.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { warningsOf } from "./support/warnings.ts";

/** Texts that are something else to NATS, to SQL, to our own encoding, or to JavaScript. */
const AWKWARD = [
  ".", "..", "a.b", "*", ">", "a.*", "a.>", "$", "$KV.datastore.dashboards.x", " ", "a b", "\t", "\n", "\r\n", "\0", "a\0b", "a\0", "=", "==", "=2E", "=2e", "=h.", "=h.00", "=41", "A", "a=2Eb",
  "=h.e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "😀", "👩‍👩‍👧", "é", "e\u0301", "ａ", "\u202e", "a\ufeff", "\uffff", "'", "\"", "`", "%", "%00", "_", "__proto__", "constructor", "a/b", "/", "~", "-", "0",
  "x".repeat(128), "x".repeat(129), "x".repeat(1024), "=".repeat(43), "=".repeat(42), ".".repeat(42), ".".repeat(43), "語".repeat(341), `${"x".repeat(1023)}.`, "\0".repeat(1024),
]; // biome-ignore format: a list

const wellFormed = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.array(fc.constantFrom(...AWKWARD), { maxLength: 4 }).map((parts) => parts.join("")),
  fc.constantFrom(...AWKWARD),
).filter((id) => id.isWellFormed() && id !== ""); // biome-ignore format: a list
const TOKEN = /^(?:(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+|=h\.[0-9a-f]{64})$/;

describe("the encoding of an id", () => {
  it("gives the id back", () => {
    fc.assert(
      fc.property(wellFormed, (id) => assert.equal(unescapeId(escapeId(id)), id)),
      { numRuns: 5000 },
    );
    assert.equal(unescapeId(escapeId("\0.é".repeat(20_000))), "\0.é".repeat(20_000));
  });

  it("is a token of a NATS subject, of at most 128 characters, and the envelope has what a hash leaves out", () => {
    fc.assert(
      fc.property(wellFormed, (id) => {
        const token = idToken(id);
        assert.match(token, TOKEN);
        assert.ok(token.length <= 128);
        assert.equal(isHashed(token), escapeId(id).length > 128);
        assert.equal(idOf(token, isHashed(token) ? escapeId(id) : undefined), id);
        assert.deepEqual(parseStoreSubject(storeSubject("dashboards", id)), { collection: "dashboards", token });
      }),
      { numRuns: 5000 },
    );
  });

  it("never gives two ids one subject", () => {
    const seen = new Map<string, string>();
    const note = (id: string) => {
      const subject = storeSubject("dashboards", id);
      assert.equal(seen.get(subject) ?? id, id, subject);
      seen.set(subject, id);
    };
    for (const id of AWKWARD) for (const other of ["", ...AWKWARD]) for (const between of ["", "."]) note(id + between + other);
    // An encoded id is another id; so are its prefixes and its escapes in the other case.
    fc.assert(
      fc.property(wellFormed, (id) => {
        for (const like of [
          id,
          idToken(id),
          escapeId(id),
          escapeId(id).toLowerCase(),
          `${id}\0`,
          id.normalize("NFD"),
          id.slice(1),
        ]) {
          if (like !== "" && like.isWellFormed()) note(like);
        }
      }),
      { numRuns: 3000 },
    );
    assert.equal(new Set(seen.values()).size, seen.size);
  });

  it("is refused for what it does not make", () => {
    for (const token of ["=", "=0", "=0g", "=zz", "a.b", "a b", "é", "*", ">", "=h.00", "a="])
      assert.throws(() => unescapeId(token), { code: "BAD_ID" }, token);
  });
});

describe("an id", () => {
  it("has 1 to 1024 bytes of well-formed Unicode", () => {
    for (const id of AWKWARD) assert.equal(checkId(id), id);
    for (const id of [
      "",
      "x".repeat(MAX_ID_BYTES + 1),
      "é".repeat(MAX_ID_BYTES / 2 + 1),
      "x".repeat(65_536),
      "\ud800",
      "a\udfff",
    ])
      assert.throws(() => checkId(id), { code: "BAD_ID", path: "/id" });
  });
});

describe("documents with such ids", () => {
  let deployment: Deployment;
  let here: Collection<Record<string, unknown>>;
  let there: Collection<Record<string, unknown>>;
  let buses: [Bus, Bus];
  const ids = [...new Set(AWKWARD)];

  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2 });
    buses = [...deployment.buses] as [Bus, Bus];
    [here, there] = buses.map((bus) => bus.collection("dashboards")) as unknown as [typeof here, typeof there];
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  const all = async (collection: typeof here) => {
    const items: Entry<Record<string, unknown>>[] = [];
    for (let next: string | undefined = ""; next !== undefined; ) {
      const page = await collection.list({ limit: 7, ...(next !== "" && { after: next }) });
      items.push(...page.items);
      next = page.next;
    }
    return items;
  };
  const sameDigests = async () => {
    await Promise.all(buses.map((bus) => bus.caughtUp()));
    const [one, two] = await Promise.all(buses.map((bus) => bus.digests()));
    assert.deepEqual(one, two);
    for (const bus of buses) assert.deepEqual([warningsOf(bus), bus.status().counters.resyncs], [[], 0]);
  };

  it("arrive on a second webserver, each as itself, by get and by list", async () => {
    const results = await here.putMany(ids.map((id) => ({ id, name: `name of ${id}`.slice(0, 200), data: { id } })));
    for (const [at, result] of results.entries())
      assert.ok("revision" in result, `${JSON.stringify(ids[at])}: ${String(result)}`);
    await buses[1].caughtUp();
    for (const id of ids) assert.deepEqual((await there.get(id))?.doc.data, { id });
    const items = await all(there);
    assert.deepEqual(new Set(items.map(({ id }) => id)), new Set(ids));
    assert.ok(items.every(({ id, doc }) => doc.id === id) && items.length === ids.length);
    await sameDigests();
  });

  it("arrive in changes, and are patched one by one", async () => {
    const changes = there.changes();
    const expected = new Set(ids);
    const seen = (async () => {
      for await (const { id, doc } of changes) {
        assert.equal(doc?.description, `patched ${JSON.stringify(id)}`);
        expected.delete(id);
        if (expected.size === 0) return;
      }
    })();
    for (const id of ids) await here.patch(id, { description: `patched ${JSON.stringify(id)}` });
    await seen;
    for (const { id, doc } of await all(here)) assert.equal(doc.description, `patched ${JSON.stringify(id)}`);
  });

  it("are deleted one by one, on both, and their tombstones reach a new webserver", async () => {
    const [gone, left] = [ids.filter((_id, at) => at % 2 === 0), ids.filter((_id, at) => at % 2 === 1)];
    for (const id of gone) await there.delete(id);
    await buses[0].caughtUp();
    for (const id of gone) {
      assert.equal(await here.get(id), undefined, JSON.stringify(id));
      await assert.rejects(here.delete(id), { code: "NOT_FOUND" });
    }
    await sameDigests();
    const fresh = await deployment.connect("web3");
    buses[1] = fresh;
    there = fresh.collection("dashboards") as unknown as typeof there;
    assert.deepEqual(new Set((await all(there)).map(({ id }) => id)), new Set(left));
    for (const id of left) assert.deepEqual((await there.get(id))?.doc.data, { id });
    for (const id of gone) assert.equal(await there.get(id), undefined);
    await sameDigests();
  });

  it("come back after a restart of their webserver, and again after they were deleted", async () => {
    await buses[1].close();
    const again = await deployment.connect("web3");
    buses[1] = again;
    there = again.collection("dashboards") as unknown as typeof there;
    for (const id of ids) await there.put({ id, name: "again" });
    await buses[0].caughtUp();
    assert.deepEqual(new Set((await all(here)).map(({ id, doc }) => (doc.name === "again" ? id : ""))), new Set(ids));
    await sameDigests();
  });
});
