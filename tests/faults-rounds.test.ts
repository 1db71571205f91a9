// Goal: fault injection works as a user runs it, and a deployment that is broken on purpose does not pass.
// Method: the built command, one round with some kinds of faults; a round without any on webservers that answer what they never sent.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runRound } from "../bench/faults/round.ts";
import { figures, frontsync, startCommandWith } from "./support/command.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

interface Line {
  round: number;
  acknowledged: number;
  faults: Record<string, number>;
  violations: number;
  void?: string;
  shown?: unknown[];
}

const SHORT_MS = 8000;

describe("fault injection", { concurrency: 2 }, () => {
  it("finds nothing broken in a round with faults, and says what it has done", async (t) => {
    const dir = temporaryFolder(t);
    const kinds = ["kill-webserver", "cut", "kill-handler", "kill-nats-server"];
    const round = await figures<Line>("faults", "--rounds", "1", "--seed", "5", "--faults", kinds.join(","), "--dir", dir);
    t.diagnostic(JSON.stringify(round));
    assert.equal(round.violations, 0, JSON.stringify(round.shown));
    // A machine that is too busy for a round that counts says so.
    assert.equal(round.code, round.void === undefined ? 0 : 1, `${round.void} ${round.stderr}`);
    if (round.void !== undefined) return t.skip(round.void);
    assert.ok(round.acknowledged >= 200);
    assert.ok(Object.keys(round.faults).length > 0);
    assert.ok(existsSync(join(dir, "round-0", "history.jsonl")));
  });

  it("catches webservers that acknowledge what they have not sent", async (t) => {
    const folder = temporaryFolder(t);
    const options = { round: 0, seed: 3, kinds: [], folder, broken: "lost-acknowledged", workMs: SHORT_MS };
    const { violations, history, ...round } = await runRound(options);
    assert.ok(
      violations.some(({ invariant }) => invariant === 1),
      JSON.stringify(round),
    );
    assert.ok(existsSync(history));
    assert.ok(readdirSync(folder).includes("web1.log"));
  });

  it("refuses kinds that there are not, before it starts anything", async () => {
    const { code, stderr } = await frontsync("faults", "--faults", "kill-webserver,kil");
    assert.equal(code, 1);
    assert.match(stderr, /BAD_CONFIG: There is no fault 'kil'\. There are kill-webserver, /);
  });

  it("refuses kinds that this machine can't do, and lists why", async () => {
    // Nothing can be mounted without the programs for it.
    const env = { ...process.env, PATH: "" };
    const { code, stderr } = await startCommandWith(env, "faults", "--faults", "cut,power-cut-datastore").ended;
    assert.equal(code, 1);
    assert.match(stderr, /BAD_CONFIG: The fault 'power-cut-datastore' can't be injected here: .*mkfs/);
    const { stdout } = await startCommandWith(env, "faults", "--list", "--json").ended;
    const { faults, not_run } = JSON.parse(stdout) as { faults: object; not_run: Record<string, string> };
    assert.ok(Object.keys(faults).includes("wiped-datastore"));
    assert.deepEqual(Object.keys(not_run).sort(), [
      "disk-full",
      "disk-full-datastore",
      "power-cut-all",
      "power-cut-datastore",
      "power-cut-webserver",
    ]);
  });
});
