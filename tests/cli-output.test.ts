// Goal: what commands print is readable at a terminal, clean in a pipe, and the same in form everywhere.
// Method: the parts that print get streams of the test's own.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FrontsyncError } from "../schemas/errors.ts";
import { alignedRows, count, formatBytes, formatDuration, percentile, rounded } from "../scripts/support/numbers.ts";
import { address, integer, readControlAuth } from "../scripts/support/options.ts";
import { createOutput, hasColours } from "../scripts/support/output.ts";
import { renderProgress, startProgress } from "../scripts/support/progress.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const ESCAPE = "\u001b";

function sink(isTTY = false) {
  const written: string[] = [];
  return { isTTY, columns: 80, write: (text: string) => written.push(text), text: () => written.join("") };
}

describe("output", () => {
  test("is text for people, or JSON lines for programs", () => {
    for (const json of [false, true]) {
      const [out, err] = [sink(), sink()];
      const output = createOutput(json, out, err, {});
      output.line("five dashboards");
      output.figures({ dashboards: 5 });
      output.note("a warning");
      assert.equal(out.text(), json ? '{"dashboards":5}\n' : "five dashboards\n");
      assert.equal(err.text(), "a warning\n");
    }
  });

  test("has errors in one form, with the place of the fault where there is one", () => {
    const [out, err] = [sink(), sink()];
    createOutput(true, out, err, {}).fault(new FrontsyncError("SCHEMA_INVALID", "A name is missing.", { path: "/name" }));
    assert.equal(err.text(), "frontsync: SCHEMA_INVALID: A name is missing. (at /name)\n");
    assert.deepEqual(JSON.parse(out.text()), { error: { code: "SCHEMA_INVALID", message: "A name is missing.", path: "/name" } });
  });

  test("is coloured only on a terminal, and never against the user's wish", () => {
    const painted = (isTTY: boolean, env: NodeJS.ProcessEnv) =>
      createOutput(false, sink(isTTY), sink(), env).paint("bold", "text");
    assert.equal(painted(false, {}), "text");
    assert.equal(painted(true, { NO_COLOR: "1" }), "text");
    assert.equal(painted(true, { TERM: "dumb" }), "text");
    assert.ok(hasColours({ isTTY: true, write: () => {} }, { NO_COLOR: "" }), "an empty NO_COLOR says nothing");
  });
});

describe("numbers", () => {
  test("are rounded as far as they can be read", () => {
    const durations: [number, string][] = [
      [0.844, "0.84 ms"],
      [12.34, "12.3 ms"],
      [345.6, "346 ms"],
      [2400, "2.4 s"],
      [61_000, "61 s"],
      [180_000, "3 min"],
      [18_000_000, "5 h"],
      [200_000_000, "2 d"],
    ];
    for (const [ms, text] of durations) assert.equal(formatDuration(ms), text);
    assert.deepEqual([formatBytes(512), formatBytes(1536), formatBytes(4 * 1024 * 1024)], ["512 B", "1.5 KB", "4 MB"]);
    assert.deepEqual([count(1, "file"), count(12_000, "file"), count(0, "file")], ["1 file", "12,000 files", "0 files"]);
    assert.equal(rounded(1.23456), 1.23);
  });

  test("have percentiles by nearest rank", () => {
    assert.equal(percentile([3, 1, 2], 0.5), 2);
    assert.equal(percentile([3, 1, 2, 4], 0.99), 4);
    assert.equal(percentile([7], 0), 7);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });

  test("stand in columns", () => {
    assert.deepEqual(
      alignedRows(
        [
          ["a", "10"],
          ["long", "9"],
        ],
        [1],
      ),
      ["a     10", "long   9"],
    );
  });
});

describe("the progress bar", () => {
  test("shows how far it is and how long it takes, within the terminal's width", () => {
    const state = { what: "file", done: 120, total: 480, elapsedMs: 4000, columns: 80 };
    assert.equal(renderProgress(state), "[######------------------] 120 / 480 files, 25 %, 12 s left");
    assert.equal(renderProgress({ ...state, columns: 20 }).length, 19);
    assert.match(renderProgress({ ...state, done: 480 }), /480 files, 100 %$/);
    assert.match(renderProgress({ ...state, done: 0, total: 0 }), /100 %$/);
  });

  test("appears after a second, is redrawn ten times a second at most, and goes without a trace", () => {
    const terminal = sink(true);
    let now = 0;
    const progress = startProgress("file", terminal, () => now);
    for (; now < 1000; now += 100) progress.update(now, 5000);
    assert.equal(terminal.text(), "");
    for (; now < 2000; now += 10) progress.update(now, 5000);
    const drawn = terminal.text().split("\r").length - 1;
    assert.ok(drawn >= 9 && drawn <= 11, `${drawn} times`);
    progress.end();
    progress.end();
    assert.ok(terminal.text().endsWith(`\r${ESCAPE}[K`));
  });

  test("is not for pipes", () => {
    const pipe = sink(false);
    let now = 0;
    const progress = startProgress("file", pipe, () => now);
    now = 5000;
    progress.update(1, 2);
    progress.end();
    assert.equal(pipe.text(), "");
  });
});

describe("flags", () => {
  test("take addresses with and without a port", () => {
    assert.equal(address("store.example.com:9405"), "store.example.com:9405");
    assert.equal(address("[::1]"), "[::1]:9405");
    for (const bad of ["", ":9405", "host:", "host:65536", "host:0", "a b", "http://host", "::1", "host:9405:1", "user@host"]) {
      assert.throws(() => address(bad), /host or host:port/, bad);
    }
  });

  test("take whole numbers in their range alone", () => {
    const handlers = integer(1, 64);
    assert.equal(handlers("64"), 64);
    for (const bad of ["0", "65", "-1", "1.5", "1e1", "", " 1", "NaN", "9".repeat(30)])
      assert.throws(() => handlers(bad), /from 1 to 64/, bad);
  });

  test("take the secret from a file, else from the environment", (t) => {
    const file = join(temporaryFolder(t), "secret");
    writeFileSync(file, "from the file \n");
    assert.equal(readControlAuth(file, { FRONTSYNC_CONTROL_AUTH: "from the environment" }), "from the file ");
    assert.equal(readControlAuth(undefined, { FRONTSYNC_CONTROL_AUTH: "from the environment" }), "from the environment");
    assert.equal(readControlAuth(undefined, {}), undefined);
  });
});
