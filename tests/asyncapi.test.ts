// Goal: docs/asyncapi.json is valid, and is what is said on the wire: every endpoint of the service, every live message and every answer is
// described, with its headers. Method: AsyncAPI's own parser; then a deployment whose messages are validated against the document.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Parser } from "@asyncapi/parser";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { type Msg, type MsgHdrs, RequestStrategy } from "nats";
import { loadSchemas } from "../schemas/index.ts";
import { request } from "../scripts/dev/generate/asyncapi/requests.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

type Ref = { $ref: string };
interface Document {
  channels: Record<
    string,
    { address: string | null; messages: Record<string, Ref>; parameters?: Record<string, { enum?: string[] }> }
  >;
  operations: Record<string, { action: string; channel: Ref; reply?: { channel: Ref } }>;
  components: { messages: Record<string, { headers?: object; payload?: object }> };
}

const FILE = fileURLToPath(new URL("../../docs/asyncapi.json", import.meta.url));
const TEXT = readFileSync(FILE, "utf8");
const DOCUMENT = JSON.parse(TEXT) as Document;
const validators = {
  // Headers are text, whatever they mean.
  headers: new Ajv({ strict: false, coerceTypes: true }),
  payload: new Ajv({ strict: false }),
};
for (const ajv of Object.values(validators)) {
  (addFormats as unknown as typeof addFormats.default)(ajv, ["date-time"]);
  ajv.addSchema(DOCUMENT, "asyncapi");
}

const last = ({ $ref }: Ref) => $ref.slice($ref.lastIndexOf("/") + 1);
const withAction = (action: string) =>
  Object.values(DOCUMENT.operations)
    .filter((operation) => operation.action === action)
    .map((operation) => ({ ...operation, name: last(operation.channel) }));

/** The address of a channel as a NATS subject with wildcards. */
const subject = (name: string) => DOCUMENT.channels[name]?.address?.replace(/\{\w+\}/g, "*") ?? "";

/** Whether a message came on a channel; an id may be two tokens. */
const matches = (name: string, on: string) => new RegExp(`^${subject(name).replaceAll(".", "\\.").replace("*", ".+")}$`).test(on);

/** What is wrong with a message, as one of its channel's; undefined: nothing. */
function faultOf(message: string, headers: MsgHdrs | undefined, body: unknown): string | undefined {
  const declared = DOCUMENT.components.messages[message];
  const values = { headers: Object.fromEntries((headers?.keys() ?? []).map((key) => [key, headers?.get(key)])), payload: body };
  for (const part of ["headers", "payload"] as const) {
    if (!declared?.[part]) continue;
    const validate = validators[part].compile({ $ref: `asyncapi#/components/messages/${message}/${part}` });
    if (!validate(values[part])) return `${message} ${part}: ${validators[part].errorsText(validate.errors)}`;
  }
  return undefined;
}

describe("docs/asyncapi.json", () => {
  it("is AsyncAPI 3.0 without an error or a warning", async () => {
    const { document, diagnostics } = await new Parser().parse(TEXT);
    // That there is a newer AsyncAPI says nothing of this document.
    assert.deepEqual(
      diagnostics.filter(({ code }) => code !== "asyncapi-latest-version"),
      [],
    );
    assert.equal(document?.version(), "3.0.0");
  });

  describe("and the wire", () => {
    let deployment: Deployment;
    before(async () => {
      deployment = await deploy({ webservers: 1, deletionFuse: {} });
    });
    after(async () => await deployment[Symbol.asyncDispose]());

    it("have the same functions, for the same collections", async () => {
      const nats = await deployment.rawFunctions();
      const described = withAction("receive").map(({ name }) => subject(name));
      let handlers = 0;
      for await (const { endpoints } of await nats.services
        .client({ strategy: RequestStrategy.Count, maxMessages: 1, maxWait: 60_000 })
        .info("frontsync")) {
        assert.deepEqual(described.sort(), endpoints?.map((endpoint) => endpoint.subject).sort());
        handlers++;
      }
      assert.equal(handlers, 1);
      const enums = Object.values(DOCUMENT.channels).flatMap(({ parameters }) => parameters?.collection?.enum ?? []);
      assert.deepEqual(new Set(enums), new Set(loadSchemas().collections.keys()));
    });

    it("have the same live messages", async () => {
      const nats = await deployment.rawWebserver("web2");
      const heard: Msg[] = [];
      nats.subscribe("ds.live.>", { callback: (error, message) => error ?? heard.push(message) });
      await nats.flush();
      const [bus] = deployment.buses;
      await bus?.collection("dashboards").put({ id: "a dashboard", name: "n", labels: ["one"], data: {} });
      await bus?.collection("dashboards").put({ id: "é".repeat(100), name: "its subject has a hash" });
      await bus?.collection("preferences").put({ uid: 7, name: "prefs", data: { dark: true } });
      await bus?.collection("dashboards").delete("a dashboard");
      const sent = withAction("send").map(({ name }) => name);
      const kindOf = (message: Msg) => {
        const { data, headers } = message;
        const channels = sent.filter((name) => matches(name, message.subject));
        assert.equal(channels.length, 1, `${message.subject}: ${channels}`);
        const names = Object.values(DOCUMENT.channels[channels[0] as string]?.messages ?? {}).map(last);
        const name = names.find((one) => (one === "live.tombstone") === (data.length === 0)) as string;
        assert.equal(faultOf(name, headers, data.length === 0 ? undefined : JSON.parse(Buffer.from(data).toString())), undefined);
        return name;
      };
      const expected = ["dashboards", "fuse", "head", "live.tombstone", "preferences"];
      const kinds = () => [...new Set(heard.map(kindOf))].sort();
      await eventually("one of each kind", 60_000, () => kinds().length >= expected.length);
      assert.deepEqual(kinds(), expected);
    });

    it("have the same answers, refusals included", async () => {
      const nats = await deployment.rawWebserver("web2");
      const write = (n: number, more: object) => ({ mutation: `raw:${n}`, by: 0, ...more });
      const asked: [string, string, object][] = [
        ["put", "dashboards", write(1, { doc: { id: "d", name: "n" } })],
        ["put", "dashboards", write(2, { doc: { id: "d" } })],
        ["put", "dashboards", write(3, { doc: { id: "d", name: "n" }, ifRevision: 1 })],
        ["put", "nowhere", write(4, { doc: {} })],
        ["patch", "dashboards", write(5, { id: "none", merge: {} })],
        ["patch", "dashboards", { merge: 5 }],
        ["delete", "dashboards", write(6, { id: "d" })],
        ["batch", "_", { writes: [{ collection: "nowhere", put: write(7, { doc: {} }) }] }],
        ["check-in", "_", { version: "1", state: "synced", pending: 0, intervalMs: 1000, digests: {} }],
      ];
      const kinds: string[] = [];
      for (const [name, collection, body] of asked) {
        const { headers, data } = await nats.request(`ds.req.${collection}.${name}.web2`, JSON.stringify(body), {
          timeout: 60_000,
        });
        const reply = DOCUMENT.operations[name]?.reply?.channel as Ref;
        const kind = headers?.get("Nats-Service-Error-Code") ? "error" : "reply";
        const message = DOCUMENT.channels[last(reply)]?.messages[kind] as Ref;
        assert.equal(
          faultOf(last(message), headers, JSON.parse(Buffer.from(data).toString())),
          undefined,
          `${name} ${JSON.stringify(body)}`,
        );
        kinds.push(kind);
      }
      assert.deepEqual(kinds.map((kind) => kind[0]).join(""), "reeeeerrr");
    });
  });

  it("gives a named function the subject in its name", () => {
    const { channels, messages } = request(
      {
        name: "users.login",
        scope: "all",
        description: "Logs in.",
        reply: "users.login.reply",
        errors: ["LOGIN_FAILED"],
        handle: () => assert.fail("it is only described"),
      },
      ["users"],
    );
    assert.equal(channels["users.login"]?.address, "ds.req.users.login.{webserver}");
    assert.deepEqual(Object.keys(messages), ["users.login.request", "users.login.reply", "users.login.error"]);
    assert.match(JSON.stringify(messages["users.login.error"]), /"INTERNAL".*"LOGIN_FAILED"/);
  });

  it("would be told from a message that is none", () => {
    assert.match(faultOf("put.error", undefined, {}) ?? "", /headers/);
    assert.match(faultOf("dashboards", undefined, {}) ?? "", /Fs-Version/);
    assert.match(faultOf("head", undefined, {}) ?? "", /payload.*head/);
  });
});
