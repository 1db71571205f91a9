/** The API's description. Its schemas are those of schemas/: nothing is described twice. */
import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import { type CollectionSchema, type Schemas, VERSION } from "../../bus/index.ts";

type Json = Record<string, unknown>;
type Messages = Parameters<Schemas["source"]>[0];

/** Messages that answers are made of; requests are described where they are asked. */
const REPLIES = {
  Error: "error.reply",
  Written: "written.reply",
  Login: "login.reply",
  Health: "health.reply",
  Version: "version.reply",
  Status: "status.reply",
  ChangeEvent: "change.event",
  MetricsEvent: "metrics.event",
  Queued: "queued.reply",
  VersionOf: "version-of.reply",
} as const satisfies Record<string, Messages>;

export function swaggerOptions(schemas: Schemas): FastifyDynamicSwaggerOptions {
  const seen = [...schemas.collections.values()].filter(({ access }) => access !== "system");
  const documents = seen.map((schema): [string, Json] => [schema.title, documentSchema(schema)]);
  const replies = Object.entries(REPLIES).map(([name, kind]): [string, Json] => [name, messageSchema(schemas, kind)]);
  return {
    // Where nobody has to be logged in.
    transform: ({ schema, url, route }) => ({ schema: route.config?.public ? { ...schema, security: [] } : schema, url }),
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "frontsync webserver",
        version: VERSION,
        description:
          "What a webserver answers. Errors are JSON with code, message and, where something in the request is at fault, path.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        schemas: Object.fromEntries([...documents, ...replies]) as never,
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
          cookie: { type: "apiKey", in: "cookie", name: "frontsync" },
        },
      },
      security: [{ bearer: [] }, { cookie: [] }],
    },
  };
}

/** A document as users see it. */
export function documentSchema({ title, description, fields, secret, required }: CollectionSchema): Json {
  const shown = Object.entries(fields).filter(([field]) => !secret.includes(field));
  return { title, description, type: "object", required: [...required], properties: Object.fromEntries(shown) };
}

/** A document as users send it: what the datastore sets they may leave out, and its key, which the path or the datastore gives.
 *  `partial`: a merge patch. */
export function givenSchema({ title, fields, readOnly, required, key }: CollectionSchema, partial = false): Json {
  const given = Object.entries(fields).filter(([field]) => !readOnly.includes(field));
  const needed = partial ? [] : required.filter((field) => !key.includes(field));
  return { title, type: "object", ...(needed.length > 0 && { required: needed }), properties: Object.fromEntries(given) };
}

/** A message without `left`: what the path or the webserver says. */
export function messageSchema(schemas: Schemas, kind: Messages, left: readonly string[] = []): Json {
  const { title, description, type, required = [], properties: all = {}, additionalProperties } = schemas.source(kind);
  const kept = Object.entries(all as Json).filter(([field]) => !left.includes(field));
  const needed = (required as string[]).filter((field) => !left.includes(field));
  return {
    ...{ title, description, type },
    ...(needed.length > 0 && { required: needed }),
    properties: Object.fromEntries(kept),
    ...(additionalProperties === false && { additionalProperties }),
  };
}

/** What a route is asked and answers, for the description: what comes in is validated where it is used, by the same schemas. */
export function describe(
  tag: string,
  operationId: string,
  summary: string,
  { params, query, body, consumes, reply, status = 200, binary, events }: Described,
): FastifySchema {
  return {
    ...{ tags: [tag], operationId, summary },
    ...(params && { params: { type: "object", required: Object.keys(params), properties: params } }),
    ...(query && { querystring: { type: "object", properties: query } }),
    ...(body && { body }),
    ...(consumes && { consumes: [consumes] }),
    response: {
      [status]: { description: "It is done.", ...(reply && content(reply)), ...(binary && BINARY), ...(events && EVENTS) },
      "4xx": { description: "Refused.", ...content(reference("Error")) },
      "5xx": { description: "Not now.", ...content(reference("Error")) },
    },
  };
}

interface Described {
  params?: Json;
  query?: Json;
  body?: Json;
  /** The body's media type, when it is not JSON. */
  consumes?: string;
  reply?: Json;
  status?: number;
  /** It answers bytes. */
  binary?: boolean;
  /** It answers server-sent events. */
  events?: boolean;
}

const BINARY = { content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } };

const EVENTS = { content: { "text/event-stream": { schema: { type: "string" } } } };

const content = (schema: Json) => ({ content: { "application/json": { schema } } });

export const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
