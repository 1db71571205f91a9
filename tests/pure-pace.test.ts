// Goal: whatever the line carries, pages of changes come in time after a few that did not, and are large again where it is fast. Method: lines of
// all speeds, on which a page that did not come in time still keeps up the next one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Pace } from "../bus/pace.ts";

const PAGE_BYTES = 5 * 1024 * 1024;
const MOST_FAILED = 8;

/** Asks until a page comes; returns what it had, and how often none came. */
function page(pace: Pace, bytesPerMs: number): { bytes: number; failed: number } {
  let ahead = 0;
  for (let failed = 0; failed <= MOST_FAILED; failed++) {
    const { mostBytes: bytes = PAGE_BYTES } = pace.wish(PAGE_BYTES);
    const ms = (ahead + bytes) / bytesPerMs;
    if (ms <= pace.timeoutMs) {
      pace.came(ms, PAGE_BYTES);
      return { bytes, failed };
    }
    ahead = Math.max(0, ahead + bytes - pace.timeoutMs * bytesPerMs);
    pace.failed(PAGE_BYTES);
  }
  assert.fail(`no page came at ${bytesPerMs} bytes/ms`);
}

describe("the pace of pages", () => {
  it("finds to what comes in time, and stays there", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 100_000 }), (bytesPerMs) => {
        const pace = new Pace();
        page(pace, bytesPerMs);
        const after = Array.from({ length: 20 }, () => page(pace, bytesPerMs));
        assert.ok(after.every(({ failed }) => failed === 0));
        if (bytesPerMs > PAGE_BYTES / 500) assert.equal(after.at(-1)?.bytes, PAGE_BYTES);
      }),
    );
  });

  it("wishes nothing of a datastore that takes no wish, and is patient with it", () => {
    const pace = new Pace();
    for (const timeoutMs of [3000, 6000, 12_000, 24_000, 24_000]) {
      assert.equal(pace.timeoutMs, timeoutMs);
      assert.deepEqual(pace.wish(undefined), {});
      pace.failed(undefined);
    }
    pace.came(10, undefined);
    assert.equal(pace.timeoutMs, 3000);
  });
});
