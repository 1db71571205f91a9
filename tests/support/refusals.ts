import assert from "node:assert/strict";
import { FrontsyncError } from "../../bus/index.ts";

/** What a promise is refused with; fails when it is not. */
export async function refusal(promise: Promise<unknown>): Promise<FrontsyncError> {
  const error = await promise.then(
    () => assert.fail("it was not refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FrontsyncError, String(error));
  return error;
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await refusal(promise)).code;
}
