// Goal: what a page of changes carries comes out as it went in, byte for byte, and what is cut or junk is never half taken for whole; a
// page fits into the messages of the NATS that it goes over. Method: properties over random versions.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { envelopeLines, readEnvelope } from "../bus/wire/envelope.ts";
import { decodePage, decodeRecords, encodePage, encodeRecords, largestBody, pageBytes } from "../bus/wire/page.ts";
import { headerText, StoredVersion } from "../bus/wire/version.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { ChangesReply, Envelope } from "../schemas/types.ts";

const schemas = loadSchemas();
const value = fc.stringMatching(/^[!-~]{1,80}$/);
const envelope: fc.Arbitrary<Envelope> = fc.record(
  {
    version: value,
    by: fc.nat(),
    webserver: value,
    at: value,
    created: value,
    sha256: value,
    seen: value,
    signature: value,
    id: value,
  },
  { noNullPrototype: true, requiredKeys: ["version", "by", "webserver", "at", "created", "sha256", "seen", "signature"] },
);
const headers = fc
  .tuple(envelope, fc.boolean())
  .map(([given, deleted]) => Buffer.from(`NATS/1.0\r\n${envelopeLines(given, deleted)}\r\n`));
const version = fc
  .tuple(
    fc.stringMatching(/^[ -~]{0,200}$/),
    fc.maxSafeNat(),
    fc.oneof(headers, fc.uint8Array({ maxLength: 100 })),
    fc.uint8Array({ maxLength: 300 }),
  )
  .map(([subject, revision, block, body]) => StoredVersion.of(subject, revision, block, body));
const head = (records: number): ChangesReply => ({
  epochs: [{ epoch: "e", firstSeq: 1, serverId: "S" }],
  head: 9,
  last: 9,
  done: true,
  records,
});
const plain = (versions: Iterable<StoredVersion>) =>
  [...versions].map(({ subject, revision, headers: block, body, deleted }) => ({
    subject,
    revision,
    headers: [...block],
    body: [...body],
    deleted,
  }));

describe("a page of changes", () => {
  it("comes out as it went in", () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), (versions) => {
        const page = decodePage(schemas, encodePage(head(versions.length), versions));
        assert.deepEqual(page.head, head(versions.length));
        assert.deepEqual(plain(decodeRecords(page.records)), plain(versions));
        assert.deepEqual(plain(decodeRecords(encodeRecords(versions))), plain(versions));
      }),
      { numRuns: 500 },
    );
  });

  it("that is cut is refused, or has fewer records", () => {
    fc.assert(
      fc.property(
        fc.array(version, { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (versions, share) => {
          const whole = encodePage(head(versions.length), versions);
          let taken: StoredVersion[] = [];
          try {
            taken = [...decodeRecords(decodePage(schemas, whole.subarray(0, Math.floor(whole.length * share))).records)];
          } catch (error) {
            assert.ok(error instanceof FrontsyncError && error.code === "BAD_MESSAGE", String(error));
          }
          assert.ok(taken.length < versions.length);
        },
      ),
    );
  });

  it("that is junk is refused", () => {
    const refused = (read: () => unknown) => assert.throws(read, { name: "FrontsyncError", code: "BAD_MESSAGE" });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => refused(() => decodePage(schemas, junk))));
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 15 }), (junk) => refused(() => [...decodeRecords(junk)])));
  });

  it("fits into a message, with the largest document in it", () => {
    for (const maxPayload of [1024 * 1024, 8 * 1024 * 1024, 64 * 1024 * 1024]) {
      const body = new Uint8Array(largestBody(maxPayload));
      const long = { version: "v".repeat(128), seen: "s".repeat(12_000), id: "=00".repeat(1024) };
      const lines = envelopeLines(
        { ...long, by: 1, webserver: "w".repeat(64), at: "", created: "", sha256: "", signature: "" },
        false,
      );
      const largest = StoredVersion.of(`$KV.datastore.${"c".repeat(64)}.${"=".repeat(128)}`, 1, Buffer.from(lines), body);
      assert.ok(encodeRecords([largest]).length <= pageBytes(maxPayload));
      const epochs = Array.from({ length: 400 }, () => ({ epoch: "e".repeat(26), firstSeq: 2 ** 52, serverId: "S".repeat(56) }));
      assert.ok(encodePage({ ...head(1), epochs }, [largest]).length <= maxPayload);
    }
    assert.ok(largestBody(8 * 1024 * 1024) > 4 * 1024 * 1024, "the embedded server takes every document that a schema may allow");
  });
});

describe("an envelope", () => {
  it("comes out of its headers as it went in, and what is none is none", () => {
    fc.assert(
      fc.property(envelope, fc.boolean(), (given, deleted) => {
        const block = Buffer.from(`NATS/1.0\r\nNats-Sequence: 7\r\n${envelopeLines(given, deleted)}Fs-Unknown: x\r\n\r\n`);
        assert.deepEqual(readEnvelope(headerText(block)), given);
        assert.equal(StoredVersion.of("s", 1, block, block).deleted, deleted);
      }),
    );
    assert.equal(readEnvelope("NATS/1.0\r\nNats-Rollup: sub\r\n\r\n"), undefined);
    assert.equal(readEnvelope(""), undefined);
  });
});
