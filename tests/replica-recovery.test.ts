// Goal: a row that is set aside is on the disk before it may go, is listed once, and survives what a crash does to the file. Method: the module
// alone, on a temporary folder.
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { countSetAside, readSetAside, recoveryFile, setAside } from "../bus/replica/recovery.ts";

const row = (id: string, revision: number) => ({
  ...{ collection: "dashboards", id, revision, deleted: false },
  ...{ headers: "NATS/1.0\r\nFs-By: 1\r\n\r\n", body: `{"id":"${id}","name":"ä\\n"}` },
});
const listed = (dir: string) => [...readSetAside(dir)].map(({ id, revision, reason }) => `${id} ${revision} ${reason}`);

describe("the recovery file", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "frontsync-test-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("is not there when nothing was set aside, and lists what was, each row counted once", () => {
    assert.deepEqual([listed(dir), countSetAside(dir, 10)], [[], { count: 0, rows: [] }]);
    setAside(dir, "not in the datastore", [row("a", 1), row("b", 2)]);
    setAside(dir, "again, after a crash", [row("b", 2)]);
    assert.deepEqual(listed(dir), ["a 1 not in the datastore", "b 2 not in the datastore", "b 2 again, after a crash"]);
    assert.deepEqual(countSetAside(dir, 1), { count: 2, rows: [{ collection: "dashboards", id: "a", revision: 1 }] });
    const { at, reason, ...first } = [...readSetAside(dir)][0] ?? assert.fail();
    assert.deepEqual(first, row("a", 1));
    assert.ok(!Number.isNaN(Date.parse(at)) && reason !== "");
    // There are password hashes in it.
    assert.equal(statSync(recoveryFile(dir)).mode & 0o777, 0o600);
  });

  it("goes on behind a line that was torn", () => {
    appendFileSync(recoveryFile(dir), '{"at":"2026-01-01T00:00');
    setAside(dir, "later", [row("c", 3)]);
    assert.deepEqual(listed(dir).slice(3), ["c 3 later"]);
  });

  it("is read whatever its lines' lengths, but for one that is longer than any row", () => {
    const other = mkdtempSync(join(dir, "other-"));
    // Around the size of what is read at once, and a letter of two bytes across its end.
    const bodies = [1, 262_000, 262_100, 262_140, 262_144, 600_000, 3].map((length) => `${"x".repeat(length)}ä`);
    const rows = bodies.map((body, n) => ({ ...row(`r${n}`, n + 1), body }));
    setAside(other, "why", rows.slice(0, 4));
    appendFileSync(recoveryFile(other), `{"id":"${"y".repeat(65 * 1024 * 1024)}"}\n`);
    setAside(other, "why", rows.slice(4));
    assert.deepEqual(
      [...readSetAside(other)].map(({ body }) => body === bodies.shift()),
      rows.map(() => true),
    );
  });

  it("says when it can't be written: the rows must stay", () => {
    assert.throws(() => setAside(join(dir, "nowhere"), "why", [row("d", 4)]), { name: "FrontsyncError", code: "INTERNAL" });
  });
});
