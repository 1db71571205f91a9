// Goal: an error that a function does not declare is noticed, and its caller is told nevertheless; one that it declares is no fault. Method: the
// host serves a function made up here, on a nats-server of its own.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { log } from "../bus/platform/log.ts";
import { Connection } from "../bus/wire/nats.ts";
import { inboxPrefix, requestSubject } from "../bus/wire/subjects.ts";
import { type Context, defineFunction } from "../functions/host/define.ts";
import { loadFunctions } from "../functions/host/load.ts";
import { errorsOf } from "../functions/host/refusal.ts";
import { serveFunctions } from "../functions/host/serve.ts";
import { findNatsServer, launchNatsServer } from "../functions/nats-server/index.ts";
import { ERRORS, type ErrorCode, FrontsyncError, isErrorCode } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { ErrorReply } from "../schemas/types.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

test("an error outside the declared ones is logged, and sent", async (t) => {
  const { path: binary } = await findNatsServer();
  const dir = temporaryFolder(t);
  const config = `host: 127.0.0.1\nport: -1\njetstream { store_dir: ${JSON.stringify(dir)} }\n`;
  await using server = await launchNatsServer({ binary, config, dir: join(dir, "nats") });
  const connection = new Connection({
    servers: [`127.0.0.1:${server.port}`],
    user: "",
    password: "",
    inboxPrefix: inboxPrefix("web1"),
    name: "test",
  });
  await connection.open();
  t.after(() => connection.close());
  let throws: ErrorCode = "NOT_FOUND";
  const definition = defineFunction({
    name: "delete",
    scope: "collection",
    description: "Refuses.",
    reply: "write.reply",
    errors: ["NOT_FOUND"],
    handle: () => Promise.reject(new FrontsyncError(throws, "Refused.")),
  });
  await serveFunctions(connection, [definition], { schemas: loadSchemas() } as Context, { oneAccount: false });
  const logged = t.mock.method(log, "error", () => {});

  for (const code of Object.keys(ERRORS)
    .filter((one) => one !== "INTERNAL")
    .filter(isErrorCode)) {
    throws = code;
    logged.mock.resetCalls();
    const request = JSON.stringify({ mutation: "raw:1", by: 0, id: "d" });
    const reply = await connection.request(requestSubject("dashboards", "delete", "web1"), request, { timeoutMs: 60_000 });
    assert.equal(reply.headers?.get("Nats-Service-Error-Code"), code);
    assert.equal((JSON.parse(Buffer.from(reply.data).toString()) as ErrorReply).code, code);
    const facts = logged.mock.calls.map(({ arguments: [first] }) => first as unknown);
    assert.deepEqual(facts, errorsOf(definition).includes(code) ? [] : [{ code, function: "delete" }]);
  }
});

test("every function declares codes that there are, each once", async () => {
  for (const { name, errors } of await loadFunctions()) {
    assert.equal(new Set(errors).size, errors.length, name);
    for (const code of errors) assert.ok(isErrorCode(code), `${name}: ${code}`);
  }
  assert.ok(errorsOf({ name: "put", scope: "collection", errors: [] }).includes("UNKNOWN_COLLECTION"));
  assert.ok(!errorsOf({ name: "put", scope: "all", errors: [] }).includes("UNKNOWN_COLLECTION"));
});
