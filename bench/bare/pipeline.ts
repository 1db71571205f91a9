import { connect, JSONCodec, type NatsConnection } from "nats";
import type { Place } from "../client.ts";
import type { Dashboard } from "../payload.ts";
import type { Pipeline } from "../pipeline.ts";
import { ALL_LIVE, PUT } from "./subjects.ts";

const REQUEST_MS = 10_000;
const json = JSONCodec();

/** A: a connection that sends requests. B: another one, with a plain subscription that keeps what arrives in a Map. */
export async function openBarePipeline({ address }: Place): Promise<Pipeline> {
  const [a, b] = await Promise.all([connect({ servers: address }), connect({ servers: address })]);
  const replica = new Map<string, Dashboard>();
  const waiting = new Map<string, () => void>();
  b.subscribe(ALL_LIVE, {
    callback: (error, message) => {
      if (error) throw error;
      const doc = message.json<Dashboard>();
      replica.set(doc.id, doc);
      waiting.get(doc.id)?.();
      waiting.delete(doc.id);
    },
  });
  await b.flush();
  let acknowledged = 0;
  return {
    async put(doc) {
      await request(a, doc);
      acknowledged++;
    },
    async watch() {},
    arrival: async (id) => {
      await new Promise<void>((resolve) => waiting.set(id, resolve));
      if (replica.get(id) === undefined) throw new Error(`${id} was noticed and is not there`);
    },
    async unwatch() {},
    async settled() {
      while (replica.size < acknowledged) await b.flush();
    },
  };
}

async function request(a: NatsConnection, doc: Dashboard): Promise<void> {
  const reply = await a.request(PUT, json.encode(doc), { timeout: REQUEST_MS });
  const { error } = reply.json<{ revision?: number; error?: string }>();
  if (error !== undefined) throw new Error(`the bare handler refused ${doc.id}: ${error}`);
}
