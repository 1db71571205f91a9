/** A datastore of the previous version, as small as can be: it answers the requests of then over raw NATS, refuses what the previous schemas
 *  refuse, and keeps versions in a stream like the one of then. One handler, no rules: the last writer wins. */
import { join } from "node:path";
import { connect, headers, type JetStreamClient, type Msg, type NatsConnection } from "nats";
import { findNatsServer, launchNatsServer } from "../../functions/nats-server/index.ts";
import { type Carried, checked, digestsOf, encodePage, envelopeHeaders, headerOf, type Json, sha256 } from "./previous-wire.ts";

const STREAM = "KV_datastore";
const PAGE = 200;
const ASK = { timeout: 60_000 };

interface Write {
  mutation: string;
  by: number;
  id?: string;
  doc?: Json;
  merge?: Json;
  ifRevision?: number;
}
type Verb = "put" | "patch" | "delete";

export class PreviousDatastore implements AsyncDisposable {
  readonly address: string;
  /** What it refused because the previous version did not know it. */
  readonly refused: string[] = [];
  readonly #nats: NatsConnection;
  readonly #store: JetStreamClient;
  readonly #stop: () => Promise<void>;
  #epochs: Json[] = [];

  static async start(dir: string): Promise<PreviousDatastore> {
    const { path: binary } = await findNatsServer();
    const store = JSON.stringify(join(dir, "store"));
    const config = `host: "127.0.0.1"\nport: -1\njetstream { store_dir: ${store} }\nmax_payload: 8MB\n`;
    const server = await launchNatsServer({ binary, dir: join(dir, "nats"), config });
    const address = `127.0.0.1:${server.port}`;
    const nats = await connect({ servers: address });
    const datastore = new PreviousDatastore(address, nats, async () => {
      await nats.close();
      await server.stop();
    });
    await datastore.#begin(server.serverId);
    return datastore;
  }

  private constructor(address: string, nats: NatsConnection, stop: () => Promise<void>) {
    this.address = address;
    this.#nats = nats;
    this.#store = nats.jetstream(ASK);
    this.#stop = stop;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  async #begin(serverId: string): Promise<void> {
    const firstSeq = 1_800_000_000_000_000;
    await (await this.#nats.jetstreamManager(ASK)).streams.add({
      name: STREAM,
      subjects: ["$KV.datastore.>"],
      max_msgs_per_subject: 20,
      allow_rollup_hdrs: true,
      first_seq: firstSeq,
      republish: { src: "$KV.datastore.>", dest: "ds.live.>" },
    });
    this.#epochs = [{ epoch: "first", firstSeq, serverId }];
    await this.#store.publish("$KV.datastore._meta.epochs", JSON.stringify(checked("epochs", this.#epochs)));
    this.#serve("_", "check-in", async (request) => asJson("check-in.reply", await this.#checkIn(request)));
    this.#serve("_", "changes", async ({ after }) => await this.#changes(Number(after)));
    this.#serve("_", "batch", async (request, from) => {
      const results = [];
      for (const write of request.writes as (Record<Verb, Write | undefined> & { collection: string })[])
        results.push(await this.#batched(write, from));
      return asJson("batch.reply", { results });
    });
    for (const verb of ["put", "patch", "delete"] as const)
      this.#serve("*", verb, async (request, from, collection) =>
        asJson("write.reply", await this.#write(collection, verb, request as unknown as Write, from)),
      );
    await this.#nats.flush();
  }

  #serve(collection: string, verb: string, handle: (request: Json, from: string, collection: string) => Promise<Buffer>): void {
    const answer = async (message: Msg) => {
      const [, , of = "", , from = ""] = message.subject.split(".");
      try {
        message.respond(await handle(this.#accept(`${verb}.request`, message), from, of));
      } catch (error) {
        const { code = "INTERNAL", message: text, current } = error as { code?: string; message: string; current?: Json };
        const refusal = headers();
        refusal.set("Nats-Service-Error-Code", code);
        const reply = checked("error.reply", { code, message: text, ...(current && { current }) });
        message.respond(JSON.stringify(reply), { headers: refusal });
      }
    };
    this.#nats.subscribe(`ds.req.${collection}.${verb}.*`, {
      callback: (_error, message) => void answer(message),
    });
  }

  #accept(kind: string, message: Msg): Json {
    try {
      return checked(kind, message.json());
    } catch (error) {
      this.refused.push((error as Error).message);
      throw Object.assign(error as Error, { code: "BAD_MESSAGE" });
    }
  }

  async #checkIn({ position }: Json): Promise<Json> {
    const head = await this.#head();
    const digests = async () => digestsOf(new Map((await this.#read(0, head)).map((one) => [one.subject, one])).values());
    const known = (position as { cursor: number } | undefined)?.cursor === head;
    return {
      version: "0.1.0",
      now: Date.now(),
      epochs: this.#epochs,
      head,
      position: "good",
      ...(known && { digests: await digests() }),
      peers: [],
      intervalMs: 0,
      warnings: [],
    };
  }

  async #changes(after: number): Promise<Buffer> {
    const head = await this.#head();
    const versions = await this.#read(after, head);
    const page = versions.slice(0, PAGE);
    const done = page.length === versions.length;
    const last = done ? head : (page.at(-1)?.revision ?? after);
    const records = page.filter(
      ({ subject, revision }) => !page.some((one) => one.subject === subject && one.revision > revision),
    );
    return encodePage({ epochs: this.#epochs, head, last, done, records: records.length }, records);
  }

  async #batched(write: Record<Verb, Write | undefined> & { collection: string }, from: string): Promise<Json> {
    const verb = (["put", "patch", "delete"] as const).find((one) => write[one]) as Verb;
    try {
      return { stored: await this.#write(write.collection, verb, write[verb] as Write, from) };
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return { refused: { code, message } };
    }
  }

  async #write(collection: string, verb: Verb, write: Write, from: string): Promise<Json> {
    const { mutation, by, doc, merge, ifRevision, ...rest } = write;
    const id = String(rest.id ?? doc?.id ?? `${doc?.uid}/${doc?.name}`);
    const subject = `$KV.datastore.${collection}.${id.replaceAll("/", "=2F")}`;
    const current = await this.#get({ last_by_subj: subject });
    const there = current !== undefined && current.body.length > 0;
    if (current && headerOf(current.headers, "Fs-Version") === mutation) return { id, revision: current.revision };
    if (verb !== "put" && !there) throw Object.assign(new Error(`There is no ${id}.`), { code: "NOT_FOUND" });
    if (ifRevision !== undefined && ifRevision !== (current?.revision ?? 0))
      throw Object.assign(new Error(`${id} has moved on.`), { code: "REVISION_CONFLICT" });
    const at = new Date().toISOString();
    const created = (current && headerOf(current.headers, "Fs-Created")) ?? at;
    const next = verb === "put" ? doc : { ...(there && (JSON.parse(current.body.toString()) as Json)), ...merge };
    const stamped = { ...next, createdAt: created, updatedAt: at, lastModifiedBy: by };
    const body = verb === "delete" ? Buffer.alloc(0) : Buffer.from(JSON.stringify(stamped));
    const seen = `~${mutation}`;
    const hash = sha256(body).toString("base64url");
    const envelope = { version: mutation, by, webserver: from, at, created, sha256: hash, seen, signature: "none" };
    const told = headers();
    for (const [name, value] of envelopeHeaders(envelope)) told.set(name, value);
    if (verb === "delete") told.set("KV-Operation", "DEL");
    const expect = { lastSubjectSequence: current?.revision ?? 0 };
    try {
      return { id, revision: (await this.#store.publish(subject, body, { headers: told, expect })).seq };
    } catch (error) {
      // Another write of it was under way, perhaps this one, asked twice: what is there now decides.
      if (!/wrong last sequence/.test((error as Error).message)) throw error;
      return await this.#write(collection, verb, write, from);
    }
  }

  async #head(): Promise<number> {
    const reply = await this.#nats.request(`$JS.API.STREAM.INFO.${STREAM}`, "", ASK);
    return reply.json<{ state: { last_seq: number } }>().state.last_seq;
  }

  async #read(after: number, head: number): Promise<Carried[]> {
    const from = Math.max(after + 1, Number(this.#epochs[0]?.firstSeq));
    const all = Array.from({ length: Math.max(0, head - from + 1) }, (_, n) => this.#get({ seq: from + n }));
    return (await Promise.all(all)).filter((version) => version !== undefined);
  }

  async #get(which: { seq: number } | { last_by_subj: string }): Promise<Carried | undefined> {
    const reply = await this.#nats.request(`$JS.API.STREAM.MSG.GET.${STREAM}`, JSON.stringify(which), ASK);
    const { message } = reply.json<{ message?: { subject: string; seq: number; hdrs?: string; data?: string } }>();
    if (!message) return undefined;
    const [block, body] = [message.hdrs, message.data].map((text = "") => Buffer.from(text, "base64")) as [Buffer, Buffer];
    return { subject: message.subject, revision: message.seq, headers: block.toString("latin1"), body };
  }
}

function asJson(kind: string, reply: Json): Buffer {
  return Buffer.from(JSON.stringify(checked(kind, reply)));
}
