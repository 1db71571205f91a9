// Goal: who gets users is decided by what a webserver says of itself and what the datastore says of it; where both say the same thing, the newer word, which is its own. Method: each case by itself.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Backend, type Health, type Heard } from "../apps/loadbalancer/backend.ts";

const ANSWERS: Health = { kind: "answers", ready: true, state: "synced" };
/** As one answers that does not say how it does. */
const SILENT: Health = { kind: "answers", ready: true };
/** As of one whose replica was empty: revisions begin at the time of the store's making. */
const FAR: Partial<Heard> = { state: "catching-up", behind: 1_795_359_252_701_005 };
const HEARD: Heard = { state: "synced", behind: 0, draining: false, missing: false };

describe("a webserver behind the load balancer", () => {
  const backends: Backend[] = [];
  after(() => {
    for (const { agent } of backends) agent.destroy();
  });

  function judged(health: Health, heard: Partial<Heard> | undefined, { drained = false, fixed = false } = {}) {
    const backend = new Backend({ name: "web1", address: { host: "127.0.0.1", port: 1 }, tls: undefined, fixed });
    backends.push(backend);
    Object.assign(backend, { health, drained, heard: heard && { ...HEARD, ...heard } });
    return backend.judge();
  }

  for (const [what, rank, health, heard, how] of [
    ["that is well gets users", "fit", ANSWERS, {}],
    ["that nobody has told of, and answers, gets users", "fit", ANSWERS, undefined],
    ["that catches up and is nearly there gets users", "fit", SILENT, { state: "catching-up", behind: 10_000 }],
    ["that is too far behind gets none", "unfit", SILENT, { state: "catching-up", behind: 10_001 }],
    ["that was too far behind at its last check-in, and says that it no longer is, gets users", "fit", ANSWERS, FAR],
    ["that was held at its last check-in, and says that it no longer is, gets users", "fit", ANSWERS, { state: "held" }],
    ["without contact gets users: it goes on without", "fit", ANSWERS, { state: "degraded" }],
    ["that is held, as the datastore says, gets none", "unfit", SILENT, { state: "held" }],
    ["that is held, as it says itself, gets none", "unfit", { ...ANSWERS, state: "held" }, {}],
    ["that says that it is not ready gets none", "unfit", { ...ANSWERS, ready: false }, {}],
    ["that stops soon gets none", "unfit", ANSWERS, { draining: true }],
    ["that is drained gets none", "drained", ANSWERS, {}, { drained: true }],
    ["that does not answer gets none", "down", { kind: "down", reason: "no" }, {}],
    ["that is somebody else never gets any", "barred", { kind: "another", reason: "no" }, {}],
    ["that was not asked yet may be anybody", "barred", { kind: "unknown" }, {}],
    ["of the configuration that was not asked yet is known", "down", { kind: "unknown" }, undefined, { fixed: true }],
  ] as [string, string, Health, Partial<Heard> | undefined, { drained?: boolean; fixed?: boolean }?][])
    it(what, () => {
      const { rank: found, why } = judged(health, heard, how);
      assert.equal(found, rank);
      assert.equal(typeof why, rank === "fit" ? "undefined" : "string");
    });
});
