/** Requests past all that a bus checks before it sends them: what the functions themselves say. */
import type { NatsConnection } from "nats";
import { requestSubject } from "../../bus/wire/subjects.ts";
import type { Deployment } from "./deployment.ts";

/** A reply's fields; of a refusal `code`, `message` and perhaps `path`. */
export type Answer = Record<string, unknown> & { code?: string; message?: string; path?: string };

/** `what`: a verb and its collection ("put", "users"), or a named function ("users.login"). `by` is 0 when the body names none. */
export interface Asker {
  ask(what: string, body: object): Promise<Answer>;
  ask(verb: string, collection: string, body: object): Promise<Answer>;
}

let mutations = 0;

/** Asks under the name of a webserver. */
export async function asker(deployment: Deployment, webserver: string): Promise<Asker> {
  const nats = await deployment.rawWebserver(webserver);
  return {
    async ask(verb: string, ...rest: unknown[]) {
      const [collection, body] = rest.length === 2 ? (rest as [string, object]) : [undefined, rest[0] as object];
      const [of = "", named = ""] = verb.split(".");
      const subject = collection ? requestSubject(collection, verb, webserver) : requestSubject(of, named, webserver);
      const request = { mutation: `${webserver}:${++mutations}`, by: 0, ...body };
      const reply = await nats.request(subject, JSON.stringify(request), { timeout: 60_000 });
      return JSON.parse(reply.string()) as Answer;
    },
  };
}

/** How many requests each handler has answered at an endpoint, as the service's own statistics say. */
export async function answeredBy(functions: NatsConnection, endpoint: string, handlers: number): Promise<number[]> {
  const options = { strategy: "count" as const, maxMessages: handlers, maxWait: 60_000 };
  const counts: number[] = [];
  for await (const message of await functions.requestMany("$SRV.STATS.frontsync", "", options as never)) {
    const { endpoints } = message.json<{ endpoints: { name: string; num_requests: number }[] }>();
    counts.push(endpoints.find(({ name }) => name === endpoint)?.num_requests ?? 0);
  }
  return counts;
}
