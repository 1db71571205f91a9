import { performance } from "node:perf_hooks";
import { AckPolicy, connect, DeliverPolicy, type JetStreamClient, JSONCodec, type NatsConnection } from "nats";
import { STREAM, stored } from "../bare/subjects.ts";
import { dashboard, freshId } from "../payload.ts";

const IN_FLIGHT = 1000;
/** The best of those tried. */
const MAX_MESSAGES = 1000;
const json = JSONCodec();

/** Fills the bare stream. */
export async function publishAll(address: string, documents: number, bytes: number): Promise<void> {
  const connection = await connect({ servers: address });
  const stream = connection.jetstream({ timeout: 60_000 });
  let left = documents;
  const lane = async () => {
    while (left-- > 0) await publish(stream, bytes);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await connection.close();
}

async function publish(stream: JetStreamClient, bytes: number): Promise<void> {
  const id = freshId();
  await stream.publish(stored(id), json.encode(dashboard(id, bytes)));
}

/** How long a bare pull consumer takes to bring the whole stream, from the connect until the last message is there, in ms. The
 *  messages are counted and not looked at. */
export async function consumeAll(address: string, documents: number): Promise<number> {
  const start = performance.now();
  const connection = await connect({ servers: address });
  await readAll(connection, documents);
  const ms = performance.now() - start;
  await connection.close();
  return ms;
}

async function readAll(connection: NatsConnection, documents: number): Promise<void> {
  const manager = await connection.jetstreamManager();
  const { name } = await manager.consumers.add(STREAM, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All });
  const consumer = await connection.jetstream().consumers.get(STREAM, name);
  await new Promise<void>((resolve, reject) => {
    let seen = 0;
    const callback = () => {
      if (++seen === documents) resolve();
    };
    consumer.consume({ max_messages: MAX_MESSAGES, callback }).catch(reject);
  });
}
