// Goal: list() gives every document of a query once, in the order that was asked for, page by page, also while documents change; a document
// may be as large as its collection allows. Method: 1,300 documents with equal and missing names, compared with the same query over
// plain objects; documents around the limit go to another webserver and through its catch-up.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, connectBus, type Dashboard, type Entry, type FrontsyncError, type Query } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";

const DOCS = 1300;
const LIMIT = 4 * 1024 * 1024;

let deployment: Deployment;
let [a, b]: Bus[] = [];

function dashboards(bus: Bus | undefined) {
  assert.ok(bus);
  return bus.collection("dashboards");
}

/** All pages of a query. */
async function pages(query: Query<Dashboard>): Promise<Entry<Dashboard>[]> {
  const items: Entry<Dashboard>[] = [];
  for (let next: string | undefined; ; ) {
    const page = await dashboards(a).list({ ...query, ...(next !== undefined && { after: next }) });
    assert.ok(page.items.length <= (query.limit ?? 50));
    items.push(...page.items);
    if (page.next === undefined) return items;
    next = page.next;
  }
}

const ids = (entries: readonly Entry<Dashboard>[]) => entries.map(({ id }) => id);

describe("list()", () => {
  let all: Entry<Dashboard>[] = [];

  before(async () => {
    deployment = await deploy({ webservers: 2, bus: { updateInterval: 1 } });
    [a, b] = deployment.buses;
    const results = await dashboards(a).putMany(
      Array.from({ length: DOCS }, (_, n) => ({
        id: `é ${(n * 7919) % DOCS}.*>`,
        name: `name ${n % 40}`,
        ...(n % 3 > 0 && { ownerId: n % 50 }),
      })),
    );
    assert.ok(results.every((result) => !(result instanceof Error)));
    all = await pages({ limit: 1000 });
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("gives every document once, in the order of the ids, whatever the pages' size", async () => {
    assert.equal(new Set(ids(all)).size, DOCS);
    const byBytes = [...ids(all)].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    assert.deepEqual(ids(all), byBytes);
    assert.deepEqual(ids(await pages({ limit: 333 })), byBytes);
    assert.equal((await dashboards(a).list()).items.length, 50);
  });

  it("sorts by an index, up and down, documents without the field and with equal ones among them", async () => {
    const rank = (value: unknown) => (value === undefined ? "" : value);
    for (const field of ["name", "ownerId", "updatedAt"] as const) {
      const sorted = await pages({ sort: field, limit: 170 });
      assert.equal(new Set(ids(sorted)).size, DOCS, field);
      // SQLite's order: numbers, then texts, "" for a missing field among them.
      const key = ({ id, doc }: Entry<Dashboard>) =>
        [typeof rank(doc[field]) === "number" ? 0 : 1, rank(doc[field]), id] as const;
      for (const [n, entry] of sorted.slice(1).entries()) {
        const [before, here] = [key(sorted[n] as Entry<Dashboard>), key(entry)];
        const at = [0, 1, 2].findIndex((part) => before[part] !== here[part]);
        assert.ok((before[at] ?? 0) < (here[at] ?? 0), `${field}: ${JSON.stringify(before)} before ${JSON.stringify(here)}`);
      }
      assert.deepEqual(ids(await pages({ sort: `-${field}`, limit: 1000 })), ids(sorted).reverse(), `-${field}`);
    }
  });

  it("filters by indexes", async () => {
    const wanted = ({ doc }: Entry<Dashboard>) => doc.name === "name 7" && doc.ownerId === 17;
    const found = await pages({ where: { name: "name 7", ownerId: 17 }, limit: 3 });
    assert.deepEqual(ids(found), ids(all.filter(wanted)));
    assert.ok(found.length > 0);
    assert.deepEqual(
      ids(await pages({ where: { name: "name 7" }, sort: "-ownerId", limit: 4 })).length,
      all.filter(({ doc }) => doc.name === "name 7").length,
    );
    assert.deepEqual((await dashboards(a).list({ where: { name: "nobody's" } })).items, []);
  });

  it("does not take a field that is missing for one that is empty", async () => {
    const users = (a as Bus).collection("users");
    await users.put({ user: "without" });
    const { id } = await users.put({ user: "with", email: "" });
    await a?.caughtUp();
    for (const sort of ["email", "-user"])
      assert.deepEqual(
        (await users.list({ where: { email: "" }, sort })).items.map((entry) => entry.id),
        [id],
      );
  });

  it("goes on after a page when documents before and behind it come, change and go", async () => {
    const first = await dashboards(a).list({ limit: 400 });
    const [gone, kept] = [ids(all)[500] ?? "", ids(all)[700] ?? ""];
    await dashboards(a).put({ id: "  first", name: "before the page" });
    await dashboards(a).delete(gone);
    await dashboards(a).patch(kept, { name: "changed" });
    const rest = await pages({ limit: 400, after: first.next ?? "" });
    const seen = [...ids(first.items), ...ids(rest)];
    assert.deepEqual(
      seen,
      ids(all).filter((id) => id !== gone),
    );
    assert.equal(rest.find(({ id }) => id === kept)?.doc.name, "changed");
  });

  it("refuses what is no query, and says where", async () => {
    const refused: [unknown, string, string][] = [
      [{ sort: "data" }, "UNKNOWN_INDEX", "/sort"],
      [{ where: { description: "x" } }, "UNKNOWN_INDEX", "/where/description"],
      [{ limit: 1001 }, "BAD_MESSAGE", "/limit"],
      [{ limit: 0 }, "BAD_MESSAGE", "/limit"],
      [{ after: "garbage" }, "BAD_MESSAGE", "/after"],
      [{ sort: "name", after: (await dashboards(a).list({ limit: 1 })).next }, "BAD_MESSAGE", "/after"],
    ];
    for (const [query, code, path] of refused) {
      await assert.rejects(dashboards(a).list(query as Query<Dashboard>), { code, path }, JSON.stringify(query));
    }
    await assert.rejects(a?.collection("nothing").list() ?? Promise.resolve(), { code: "UNKNOWN_COLLECTION" });
  });
});

describe("a large document", () => {
  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 1 } });
    [a, b] = deployment.buses;
  });
  after(() => deployment[Symbol.asyncDispose]());

  /** A document that is stored as exactly so many bytes. */
  function ofSize(id: string, bytes: number, letter = "x") {
    const at = new Date(0).toISOString();
    const frame = { id, name: "large", data: "", createdAt: at, updatedAt: at, lastModifiedBy: 0 };
    const room = bytes - Buffer.byteLength(JSON.stringify(frame));
    return { id, name: "large", data: letter.repeat(room / Buffer.byteLength(letter)).padEnd(0) };
  }

  it("of 1 MB, and one of the limit, reach every webserver, live and in a catch-up; one byte more is refused with the limit", async () => {
    for (const [id, bytes] of Object.entries({ mega: 1_000_000, limit: LIMIT })) {
      await dashboards(a).put({ id, name: "small at first", description: "x".repeat(20_000) });
      const doc = ofSize(id, bytes);
      const { revision } = await dashboards(a).put(doc);
      await b?.caughtUp(revision);
      assert.equal((await dashboards(b).get(id))?.doc.data, doc.data);
    }
    const tooLarge = (await dashboards(a)
      .put(ofSize("limit", LIMIT + 1))
      .catch((error: unknown) => error)) as FrontsyncError;
    assert.deepEqual([tooLarge.code, tooLarge.limit, tooLarge.retryable], ["TOO_LARGE", LIMIT, false]);
    const patched = (await dashboards(a)
      .patch("limit", { description: "y" })
      .catch((error: unknown) => error)) as FrontsyncError;
    assert.deepEqual([patched.code, patched.limit], ["TOO_LARGE", LIMIT]);
    assert.equal((await dashboards(a).patch("mega", { description: "y" })).id, "mega");
    const dir = join(deployment.dir, "web3");
    await using late = await connectBus({ datastore: deployment.datastore.address, webserver: "web3", dir });
    await late.caughtUp(null, { timeoutMs: 60_000 });
    await assertEqualReplicas([...deployment.buses, late]);
    assert.equal((await dashboards(late).get("limit"))?.doc.data, ofSize("limit", LIMIT).data);
  });

  it("is edited and merged, whatever its letters take in bytes", async () => {
    // Three bytes each in UTF-8, one character in memory.
    const doc = ofSize("wide", 3_900_000 - (3_900_000 % 3), "€");
    const { revision } = await dashboards(a).put(doc);
    await b?.caughtUp(revision);
    await dashboards(a).put({ ...doc, data: `${doc.data.slice(1)}£`, labels: ["one"] });
    await dashboards(a).put({ id: "wide", name: "small" });
    await dashboards(a).put({ ...doc, name: "large again" });
    const conflict = (await dashboards(b)
      .put({ id: "wide", name: "b's" }, { ifRevision: 1 })
      .catch((error: unknown) => error)) as FrontsyncError;
    assert.equal(conflict.code, "REVISION_CONFLICT");
    assert.equal((conflict.current as { doc: { data: string } }).doc.data, doc.data, "what is there comes with the refusal");
    await a?.caughtUp();
    await assertEqualReplicas(deployment.buses);
  });

  it("and many of them fill no queue: they come by pages to a webserver that was away, or is busy", async () => {
    await b?.close();
    const put = (from: number, to: number) =>
      dashboards(a).putMany(
        Array.from({ length: to - from }, (_, n) => ofSize(`many${from + n}`, 2_000_000)),
        {
          timeoutMs: 120_000,
        },
      );
    await put(0, 10);
    const [late] = await Promise.all([deployment.connect("web2"), put(10, 22)]);
    await a?.caughtUp();
    await assertEqualReplicas([a as Bus, late]);
    assert.equal(late.status().counters.resyncs, 0);
  });
});
