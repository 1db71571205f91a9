/** What a webserver's status says of its connection to the datastore. */
import type { ConnectionEvent } from "./wire/nats.ts";

/** Of each warning about the connection: its text, or undefined when it is over. */
export function contactWarnings(event: ConnectionEvent, detail: string): [code: string, message: string | undefined][] {
  const when = (which: ConnectionEvent, message: string) => (event === which ? message : undefined);
  return [
    ["AUTH_REFUSED", when("refused", `The datastore refuses this webserver: ${detail}. Give both the same Control-Auth.`)],
    ["TLS_REFUSED", when("untrusted", `The datastore is not trusted. ${detail}`)],
  ];
}
