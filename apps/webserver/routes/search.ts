/** Searches, and their results on whichever webserver they are. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { FrontsyncError } from "../../../bus/index.ts";
import { describe, documentSchema, givenSchema, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import type { SearchRequest } from "../search/searches.ts";
import { scopeOf, sessionOf } from "../sessions/authenticate.ts";
import { page, pageOf, queryParameters } from "./documents.ts";
import { objectOf, param, queryOf, shown, writeOptionsOf, written } from "./requests.ts";

const TAG = "searchctrl";
const PATH = "/api/searchctrl";
const ONE = `${PATH}/:id`;
/** What whoever searches may say, and what of it they may change later. */
const ASKED = ["query", "from", "to", "background", "saved", "name", "readers"] as const;
const CHANGED = ["saved", "name", "readers"] as const;
const VIEWS = [
  ["lines", "Its lines, one JSON object a line; with the header Range a part of them, also while it runs."],
  ["progress", "How far it is, as server-sent events, until it has ended."],
] as const;

export const searchRoutes: Area = (app, parts) => {
  const { bus, schemas } = parts;
  const schema = schemas.collection("results");
  const of = (request: FastifyRequest) => scopeOf(bus, request).collection("results");
  const params = { id: { type: "string" } };
  const about = (operation: string, summary: string, more: object = {}) => describe(TAG, operation, summary, more);
  const body = (fields: readonly string[], required: readonly string[] = []) => pick(givenSchema(schema, true), fields, required);

  app.get(
    PATH,
    { schema: about("listResults", "Those that may be seen.", { query: queryParameters(schema), reply: page(schema.title) }) },
    async (request) => pageOf(await of(request).list({ sort: "-updatedAt", ...queryOf(schema, request) })),
  );
  app.post(
    PATH,
    {
      schema: about("search", "Searches the logs of this webserver.", {
        body: body(ASKED, ["query"]),
        reply: reference("Written"),
        status: 201,
      }),
    },
    async (request, reply) => {
      const asked = only(objectOf(request), ASKED) as unknown as SearchRequest;
      const started = await parts.searches.begin(scopeOf(bus, request), sessionOf(request).uid, asked);
      return written(started, reply, 201);
    },
  );
  app.get(
    ONE,
    { schema: about("getResult", "What it is, and where.", { params, reply: documentSchema(schema) }) },
    async (request, reply) => {
      await parts.results.visible(sessionOf(request).uid, param(request, "id"));
      return shown(await of(request).get(param(request, "id")), reply);
    },
  );
  app.patch(
    ONE,
    {
      schema: about("changeResult", "Keeps it, names it, shares it.", {
        params,
        body: body(CHANGED),
        reply: reference("Written"),
      }),
    },
    async (request, reply) =>
      written(await of(request).patch(param(request, "id"), only(objectOf(request), CHANGED), writeOptionsOf(request)), reply),
  );
  app.post(
    `${ONE}/stop`,
    { schema: about("stopSearch", "Ends it, on whichever webserver it runs.", { params, reply: reference("Written") }) },
    async (request, reply) =>
      written(await of(request).patch(param(request, "id"), { stop: true }, writeOptionsOf(request)), reply),
  );
  app.delete(
    ONE,
    { schema: about("deleteResult", "Deletes it, on whichever webserver it is.", { params, reply: reference("Written") }) },
    async (request, reply) => written(await of(request).delete(param(request, "id"), writeOptionsOf(request)), reply),
  );
  for (const [view, summary] of VIEWS) {
    const open = async (request: FastifyRequest, reply: FastifyReply) =>
      await parts.results.open(view, sessionOf(request).uid, param(request, "id"), request, reply);
    const openForPeer = async (request: FastifyRequest, reply: FastifyReply) => {
      const id = param(request, "id");
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
      return await parts.results.openHere(view, await parts.tokens.verifyPeer(token, id), id, request, reply);
    };
    // The framework's own HEAD asks for the whole body and throws it away; and progress goes on as long as the search does.
    const exposeHeadRoute = false;
    const path = `${ONE}/${view}`;
    const peerPath = `/api/peer/results/:id/${view}`;
    const config = { public: true } as const;
    app.get(path, { exposeHeadRoute, schema: about(`${view}OfResult`, summary, { params }) }, open);
    const schema = { ...about(`${view}ForPeer`, `For another webserver: ${summary}`, { params }), hide: true };
    app.get(peerPath, { exposeHeadRoute, config, schema }, openForPeer);
    if (view === "progress") continue;
    app.head(path, { schema: { hide: true } }, open);
    app.head(peerPath, { config, schema: { hide: true } }, openForPeer);
  }
};

/** Throws BAD_MESSAGE for a field that is none of them. */
function only(given: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> {
  const other = Object.keys(given).find((field) => !fields.includes(field));
  if (other === undefined) return given;
  throw new FrontsyncError("BAD_MESSAGE", `'${other.slice(0, 64)}' can't be given here; these can: ${fields.join(", ")}.`, {
    path: `/${other.slice(0, 64)}`,
  });
}

function pick(schema: Record<string, unknown>, fields: readonly string[], required: readonly string[]): Record<string, unknown> {
  const properties = schema.properties as Record<string, unknown>;
  return {
    ...schema,
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(fields.map((field) => [field, properties[field]])),
  };
}
