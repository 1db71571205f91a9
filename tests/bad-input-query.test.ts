// Goal: a read that asks for what can't be is refused with its code and path, and the next one is answered. Method: one bus, and queries as
// only callers without types can make them.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, Collection, Query } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";

type Doc = Record<string, unknown>;
let deployment: Deployment;
let bus: Bus;
let dashboards: Collection<Doc>;

before(async () => {
  deployment = await deploy({ webservers: 1 });
  bus = deployment.buses[0] as Bus;
  dashboards = bus.collection("dashboards") as unknown as Collection<Doc>;
  await dashboards.putMany([
    { id: "there", name: "n", ownerId: 7 },
    { id: "other", name: "o" },
  ]);
});
after(async () => await deployment[Symbol.asyncDispose]());

async function refused(calls: readonly (() => Promise<unknown>)[], wanted: { code: string; path: string }) {
  for (const [at, call] of calls.entries()) await assert.rejects(call, { name: "FrontsyncError", ...wanted }, `${at}: ${call}`);
}

describe("a query", () => {
  const lists = (queries: unknown[], wanted: { code: string; path: string }) =>
    refused(
      queries.map((query) => () => dashboards.list(query as Query<Doc>)),
      wanted,
    );

  it("by a field that is not indexed is UNKNOWN_INDEX", async () => {
    await lists([{ where: { data: 1 } }], { code: "UNKNOWN_INDEX", path: "/where/data" });
    await lists([{ where: { "name') --": 1 } }], { code: "UNKNOWN_INDEX", path: "/where/name') --" });
    await lists([{ sort: "data" }, { sort: "-data" }, { sort: "" }, { sort: "-" }, { sort: "--name" }], {
      code: "UNKNOWN_INDEX",
      path: "/sort",
    });
  });

  it("that is none is BAD_MESSAGE, and the next one is answered", async () => {
    await lists([null, [], "name", 5], { code: "BAD_MESSAGE", path: "" });
    await lists([{ where: null }, { where: [] }, { where: "name" }], { code: "BAD_MESSAGE", path: "/where" });
    await lists(
      [null, {}, [], 5n, () => 1, Symbol("s"), Number.NaN].map((name) => ({ where: { name } })),
      { code: "BAD_MESSAGE", path: "/where/name" },
    );
    await lists([{ sort: null }, { sort: 5 }, { sort: ["name"] }], { code: "BAD_MESSAGE", path: "/sort" });
    await lists(
      [0, -1, 1001, 1.5, "5", null, Number.NaN, Number.POSITIVE_INFINITY].map((limit) => ({ limit })),
      { code: "BAD_MESSAGE", path: "/limit" },
    );
    await lists(
      ["", "zzz", "bnVsbA", 5, null, {}].map((next) => ({ after: next })),
      { code: "BAD_MESSAGE", path: "/after" },
    );
    await lists([{ sort: "name", after: (await dashboards.list({ limit: 1 })).next }], { code: "BAD_MESSAGE", path: "/after" });
    assert.equal((await dashboards.list({ where: { ownerId: 7 } })).items.length, 1);
  });

  it("for changes that begin nowhere is BAD_MESSAGE", async () => {
    for (const since of [-1, 1.5, Number.NaN, "0"] as number[])
      await refused([async () => await dashboards.changes({ since }).next()], { code: "BAD_MESSAGE", path: "/since" });
  });

  it("by page has every document once, whatever its name is", async () => {
    const names = [
      "\ufeffa",
      "\ufeffb",
      "a",
      "b",
      "\0",
      "\0a",
      "\ud800",
      "\ud800b",
      "\ue000",
      "\uffff",
      "😀",
      "語",
      "'",
      "%",
      "__proto__",
    ];
    await dashboards.putMany(names.map((name, n) => ({ id: `page${n}`, name, ownerId: 9 })));
    for (const sort of ["name", "-name", "updatedAt", "ownerId", undefined]) {
      const seen: string[] = [];
      for (let after: string | undefined = ""; after !== undefined && seen.length <= names.length; ) {
        const page = await dashboards.list({ where: { ownerId: 9 }, limit: 2, ...(sort && { sort }), ...(after && { after }) });
        seen.push(...page.items.map(({ doc }) => String(doc.name)));
        after = page.next;
      }
      assert.deepEqual([...seen].sort(), [...names].sort(), `by ${sort}`);
    }
    for (const name of names)
      assert.deepEqual(
        (await dashboards.list({ where: { name } })).items.map(({ doc }) => doc.name),
        [name],
      );
  });
});
