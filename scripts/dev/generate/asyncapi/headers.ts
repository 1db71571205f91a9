/** The headers of the messages, for docs/asyncapi.json. */
import { ENVELOPE_HEADERS, OPERATION_HEADER } from "../../../../bus/wire/envelope.ts";
import { DEADLINE_HEADER } from "../../../../functions/host/serve.ts";
import type { Sources } from "../sources.ts";

/** Of a request. */
export function deadlineHeaders() {
  const description =
    "ms since 1970, by the datastore's clock: afterwards the request is dropped. Absent: 10 s from its arrival.";
  return { type: "object", properties: { [DEADLINE_HEADER]: { description, type: "integer" } } };
}

/** Of an error reply; named as NATS services do. */
export function errorHeaders(codes: readonly string[]) {
  return {
    type: "object",
    required: ["Nats-Service-Error", "Nats-Service-Error-Code"],
    properties: {
      "Nats-Service-Error": { description: "The error's text in ASCII, shortened.", type: "string", maxLength: 500 },
      "Nats-Service-Error-Code": { enum: codes },
    },
  };
}

/** Of a live message: the version's envelope, and what the stream adds when it republishes. */
export function versionHeaders({ messages }: Sources, deleted: boolean) {
  const envelope = messages.find(({ $id }) => $id === "envelope");
  const header = (field: string) => ENVELOPE_HEADERS[field as keyof typeof ENVELOPE_HEADERS];
  const fields = Object.entries(envelope?.properties ?? {}).map(([field, schema]) => [header(field), schema]);
  const required = Array.isArray(envelope?.required) ? envelope.required.map(header) : [];
  return {
    type: "object",
    required: [...required, "Nats-Sequence", ...(deleted ? [OPERATION_HEADER] : [])],
    properties: {
      ...Object.fromEntries(fields),
      "Nats-Sequence": { description: "The revision. What comes without it is not from the store.", type: "integer", minimum: 1 },
      ...(deleted && { [OPERATION_HEADER]: { const: "DEL" } }),
    },
  };
}
