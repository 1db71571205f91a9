// Goal: what a full, busy or leaderless JetStream answers to a write lets it wait, and is no fault that ends in the dead letters. Method: its answers,
// as nats-server 2.15 words them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Msg } from "../bus/wire/nats.ts";
import { ack } from "../bus/wire/stream.ts";
import { FrontsyncError } from "../schemas/errors.ts";

const reply = (answer: object) => ({ json: () => answer }) as unknown as Msg;
const refusal = (code: number, err_code: number, description: string) => reply({ error: { code, err_code, description } });

function codeOf(message: Msg): string {
  try {
    return JSON.stringify(ack(message));
  } catch (error) {
    assert.ok(error instanceof FrontsyncError);
    return error.code;
  }
}

test("an answer of JetStream is told by its numbers", () => {
  for (const [code, number, text, expected] of [
    [400, 10002, "resource limits exceeded for account", "DISK_FULL"],
    [503, 10023, "insufficient resources", "DISK_FULL"],
    [500, 10028, "insufficient memory resources available", "DISK_FULL"],
    [500, 10047, "insufficient storage resources available", "DISK_FULL"],
    [503, 10077, "maximum bytes exceeded", "DISK_FULL"],
    [503, 10077, "write msgs/1.blk: no space left on device", "DISK_FULL"],
    [429, 10167, "too many requests", "DATASTORE_UNREACHABLE"],
    [503, 10008, "JetStream system temporarily unavailable", "DATASTORE_UNREACHABLE"],
    [503, 10039, "JetStream not enabled for account", "DATASTORE_UNREACHABLE"],
    [503, 10163, "expected last sequence per subject temporarily unavailable", "DATASTORE_UNREACHABLE"],
    [503, 10077, "message block is damaged", "INTERNAL"],
    [400, 10003, "bad request", "INTERNAL"],
    [400, 10071, "wrong last sequence: 7", '"conflict"'],
    [429, 10210, "atomic publish too many inflight", '"batches-refused"'],
  ] as const)
    assert.equal(codeOf(refusal(code, number, text)), expected, `${number}: ${text}`);
  assert.equal(codeOf(reply({ seq: 7 })), '{"seq":7}');
});
