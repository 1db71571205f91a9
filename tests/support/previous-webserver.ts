/** A webserver of the previous version: it speaks raw NATS, sends the messages of then, and fails on any answer or live change that its
 *  schemas do not know. */
import assert from "node:assert/strict";
import { headers, type Msg, type NatsConnection } from "nats";
import { type Carried, checked, checkVersion, decodePage, digestsOf, headerOf, type Json, readJson } from "./previous-wire.ts";

export class PreviousWebserver {
  readonly #nats: NatsConnection;
  readonly name: string;
  /** What it holds: the last version of each subject. */
  readonly held = new Map<string, Carried>();
  /** What was wrong with what it heard. */
  readonly faults: unknown[] = [];
  cursor = 0;
  #epochs: { epoch: string }[] = [];
  #mutations = 0;

  constructor(nats: NatsConnection, name: string) {
    this.#nats = nats;
    this.name = name;
    nats.subscribe("ds.live.>", { callback: (error, message) => this.#hear(error, message) });
  }

  nextMutation(): string {
    return `${this.name}.previous.${++this.#mutations}`;
  }

  /** The answer's bytes. Rejects with what it is refused with. */
  async ask(verb: string, collection: string, request: Json): Promise<Uint8Array> {
    const deadline = headers();
    deadline.set("Fs-Deadline", String(Date.now() + 60_000));
    const body = JSON.stringify(checked(`${verb}.request`, request));
    const reply = await this.#nats.request(`ds.req.${collection}.${verb}.${this.name}`, body, {
      timeout: 60_000,
      headers: deadline,
    });
    const code = reply.headers?.get("Nats-Service-Error-Code");
    if (!code) return reply.data;
    const refusal = readJson("error.reply", reply.data);
    assert.equal(refusal.code, code);
    throw Object.assign(new Error(String(refusal.message)), refusal);
  }

  async write(verb: "put" | "patch" | "delete", collection: string, request: Json): Promise<{ id: string; revision: number }> {
    return readJson("write.reply", await this.ask(verb, collection, { mutation: this.nextMutation(), by: 0, ...request }));
  }

  async batch(writes: Json[]): Promise<{ stored?: Json; refused?: Json }[]> {
    return readJson<{ results: [] }>("batch.reply", await this.ask("batch", "_", { writes })).results;
  }

  async checkIn(): Promise<Json & { position: string; digests?: Record<string, string>; peers: { webserver: string }[] }> {
    const epoch = this.#epochs.at(-1)?.epoch;
    const request = {
      version: "0.1.0",
      externalAddr: `${this.name}.test:443`,
      state: "synced",
      ...(epoch !== undefined && { position: { epoch, cursor: this.cursor } }),
      pending: 0,
      intervalMs: 10_000,
      digests: digestsOf(this.held.values()),
    };
    return readJson("check-in.reply", await this.ask("check-in", "_", request));
  }

  /** Reads pages until nothing is pending. */
  async catchUp(): Promise<void> {
    for (let done = false; !done; ) {
      const { head, records } = decodePage(await this.ask("changes", "_", { after: this.cursor }));
      for (const record of records) this.#hold(record);
      this.#epochs = head.epochs as { epoch: string }[];
      this.cursor = head.last as number;
      done = head.done === true;
    }
  }

  /** A document that it holds. */
  doc(collection: string, id: string): Json | undefined {
    const held = this.held.get(`$KV.datastore.${collection}.${id}`);
    return held && held.body.length > 0 ? (JSON.parse(held.body.toString()) as Json) : undefined;
  }

  #hear(error: Error | null, message: Msg): void {
    try {
      assert.ifError(error);
      if (message.subject === "ds.live._head") return void readJson("head", message.data);
      const lines = [...(message.headers ?? [])].flatMap(([name, values]) => values.map((value) => `${name}: ${value}\r\n`));
      const block = `NATS/1.0\r\n${lines.join("")}\r\n`;
      const revision = Number(headerOf(block, "Nats-Sequence"));
      assert.ok(revision > 0, "a live change has its number");
      const subject = message.subject.replace(/^ds\.live\./, "$KV.datastore.");
      this.#hold({ subject, revision, headers: block, body: Buffer.from(message.data) });
    } catch (fault) {
      this.faults.push(fault);
    }
  }

  #hold(version: Carried): void {
    const [, , collection] = version.subject.split(".");
    if (collection === "_meta") {
      if (version.subject.endsWith(".epochs")) readJson("epochs", version.body);
    } else checkVersion(version);
    const deleted = headerOf(version.headers, "KV-Operation") === "DEL";
    if (collection !== "_meta") assert.equal(version.body.length === 0, deleted, "a tombstone has no body");
    if ((this.held.get(version.subject)?.revision ?? 0) < version.revision) this.held.set(version.subject, version);
  }
}
