// Goal: failed logins lock after so many in a row, wherever they happen, and whenever the datastore is told. Method: properties over random series
// of logins on several webservers without contact, with restarts, reports that are sent again, and contact that is lost meanwhile.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LoginLedger } from "../bus/logins/ledger.ts";
import { afterFailures, afterSuccess, checkNotLockedOut, comparable, FIRST_UID } from "../schemas/accounts.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { Login, LoginsReportRequest } from "../schemas/types.ts";

const schemas = loadSchemas();
const settings = { lockAfter: 5, lockSeconds: 300 };

function isLocked(login: Login, now: number): boolean {
  try {
    checkNotLockedOut(login, now);
    return false;
  } catch (error) {
    return error instanceof FrontsyncError && error.code === "USER_LOCKED";
  }
}

describe("failed logins", () => {
  it("lock when there are enough in a row, one by one or told together, and no lock is made shorter", () => {
    const step = fc.oneof(fc.record({ failed: fc.integer({ min: 1, max: 7 }) }), fc.constant({ failed: 0 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.constantFrom(FIRST_UID, 7), (steps, uid) => {
        let login: Login = { uid };
        let inRow = 0;
        steps.forEach(({ failed }, at) => {
          const now = 1_700_000_000_000 + at * 1000;
          const before = Date.parse(login.lockedUntil ?? "1970-01-01");
          login = failed === 0 ? afterSuccess(login, now) : afterFailures(login, failed, settings, now);
          inRow = failed === 0 ? 0 : inRow + failed;
          if (failed > 0) assert.ok(Date.parse(login.lockedUntil ?? "1970-01-01") >= before);
          if (inRow >= settings.lockAfter && uid !== FIRST_UID) {
            assert.ok(isLocked(login, now) && !isLocked(login, now + settings.lockSeconds * 1000));
            inRow = 0;
          }
          if (uid === FIRST_UID) assert.ok(!isLocked(login, now));
          assert.equal(login.failures, inRow);
        });
      }),
    );
  });

  it("names that look alike are one, in whatever form", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        assert.equal(comparable(comparable(name)), comparable(name));
        assert.equal(comparable(name.normalize("NFD")), comparable(name.normalize("NFC")));
      }),
    );
    assert.equal(comparable("straße"), comparable("STRASSE"));
    assert.equal(comparable("ΟΔΟΣ"), comparable("οδος"));
  });
});

it("of what is noted each is told once, whatever restarts, is sent again, or comes while it is sent", async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ note: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 2, arbitrary: fc.constantFrom("send", "send and lose the answer", "restart" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const dir = mkdtempSync(join(tmpdir(), "frontsync-test-"));
      try {
        let ledger = LoginLedger.open(dir, schemas);
        const told = new Map<string, LoginsReportRequest>();
        const noted = new Map<number, number>();
        let ids = 0;
        // The datastore: a mutation has one effect, the first.
        const tell = (next: LoginsReportRequest) => {
          const report = ledger.sending(next);
          if (!told.has(report.mutation)) told.set(report.mutation, report);
          return report;
        };
        const sendAll = async () => {
          for (const next of ledger.reports) await ledger.reported(tell(next));
        };
        for (const one of steps) {
          if (typeof one === "object") {
            noted.set(one.note, (noted.get(one.note) ?? 0) + 1);
            const change = (report: LoginsReportRequest) => ({ ...report, failures: report.failures + 1 });
            await ledger.note({ uid: one.note, failures: noted.get(one.note) ?? 0 }, change, () => `m${++ids}`);
          } else if (one === "restart") {
            await ledger.close();
            ledger = LoginLedger.open(dir, schemas);
          } else if (one === "send") await sendAll();
          else for (const next of ledger.reports) tell(next);
          for (const { uid } of ledger.reports) assert.equal(ledger.loginOf(uid)?.failures, noted.get(uid));
        }
        await sendAll();
        assert.deepEqual(ledger.reports, []);
        await ledger.close();
        for (const [uid, count] of noted) {
          const sum = [...told.values()].filter((report) => report.uid === uid).reduce((all, { failures }) => all + failures, 0);
          assert.equal(sum, count);
        }
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    }),
    { numRuns: 40 },
  );
});
