/** The functions in docs/asyncapi.json: what each is asked, and what it answers. */
import { ALL_COLLECTIONS, inboxPrefix, requestSubject } from "../../../../bus/wire/subjects.ts";
import type { DatastoreFunction } from "../../../../functions/host/define.ts";
import { errorsOf } from "../../../../functions/host/refusal.ts";
import { deadlineHeaders, errorHeaders } from "./headers.ts";
import { inChannel, type Json, type Part, toChannel, toMessage, toSchema, WEBSERVER } from "./parts.ts";

export function request(definition: DatastoreFunction, collections: readonly string[]): Part {
  const { name, reply, description } = definition;
  const [asked, answer, refusal] = [`${name}.request`, `${name}.reply`, `${name}.error`];
  const kinds = { reply: toMessage(reply), error: toMessage(refusal) };
  return {
    channels: {
      [name]: { ...subject(definition, collections), description, messages: { request: toMessage(asked) } },
      [answer]: {
        address: null,
        description: `The request's reply subject, below \`${inboxPrefix("<webserver>")}\`.`,
        messages: kinds,
      },
    },
    operations: {
      [name]: {
        action: "receive",
        channel: toChannel(name),
        summary: description,
        messages: inChannel(name, ["request"]),
        reply: { channel: toChannel(answer), messages: inChannel(answer, Object.keys(kinds)) },
      },
    },
    messages: {
      [asked]: { name: asked, headers: deadlineHeaders(), payload: toSchema(asked) },
      [reply]: { name: reply, payload: toSchema(reply) },
      [refusal]: refusalOf(definition),
    },
  };
}

/** A named function (`users.login`) has its collection in its name; any other works on each collection, or on all at once. */
function subject({ name, scope }: DatastoreFunction, collections: readonly string[]): Json {
  const webserver = "{webserver}";
  const [collection = "", verb] = name.split(".");
  const parameters = { webserver: WEBSERVER };
  if (verb !== undefined) return { address: requestSubject(collection, verb, webserver), parameters };
  if (scope === "all") return { address: requestSubject(ALL_COLLECTIONS, name, webserver), parameters };
  return {
    address: requestSubject("{collection}", name, webserver),
    parameters: { collection: { description: "Whose documents.", enum: collections }, ...parameters },
  };
}

function refusalOf(definition: DatastoreFunction): Json {
  const codes = errorsOf(definition);
  return {
    name: `${definition.name}.error`,
    headers: errorHeaders(codes),
    payload: { allOf: [toSchema("error.reply"), { type: "object", properties: { code: { enum: codes } } }] },
  };
}
