/** What lost when two changed one document, for whoever made it, and admins. */
import type { FastifyRequest } from "fastify";
import { FrontsyncError } from "../../../bus/index.ts";
import { describe, documentSchema, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { scopeOf } from "../sessions/authenticate.ts";
import { page, pageOf, queryParameters } from "./documents.ts";
import { objectOf, param, queryOf, shown, writeOptionsOf, written } from "./requests.ts";

const TAG = "conflicts";
const PATH = "/api/conflicts";

export const conflictRoutes: Area = (app, { bus, schemas }) => {
  const schema = schemas.collection(TAG);
  const of = (request: FastifyRequest) => scopeOf(bus, request).collection(TAG);
  const params = { id: { type: "string" } };
  const one = `${PATH}/:id`;
  app.get(
    PATH,
    {
      schema: describe(TAG, "listConflicts", "Own ones; for admins all.", {
        query: queryParameters(schema),
        reply: page(schema.title),
      }),
    },
    async (request) => pageOf(await of(request).list(queryOf(schema, request))),
  );
  app.get(
    one,
    { schema: describe(TAG, "getConflict", "One, with what lost.", { params, reply: documentSchema(schema) }) },
    async (request, reply) => shown(await of(request).get(param(request, "id")), reply),
  );
  app.post(
    `${one}/resolve`,
    {
      schema: describe(
        TAG,
        "resolveConflict",
        "Stores `doc` in place of the document, and discards what lost. With If-Match only when the document is still at the version that `doc` was made from.",
        {
          params,
          body: { type: "object", required: ["doc"], properties: { doc: { type: "object" } } },
          reply: reference("Written"),
        },
      ),
    },
    async (request, reply) => {
      const { doc } = objectOf(request);
      if (typeof doc !== "object" || doc === null || Array.isArray(doc))
        throw new FrontsyncError("BAD_MESSAGE", "Send {doc}: the document as it is to be.", { path: "/doc" });
      const { ifRevision } = writeOptionsOf(request);
      const options = ifRevision === undefined ? {} : { ifRevision };
      return written(await scopeOf(bus, request).conflicts.resolve(param(request, "id"), doc, options), reply);
    },
  );
  app.delete(
    one,
    { schema: describe(TAG, "discardConflict", "Gives up what lost.", { params, reply: reference("Written") }) },
    async (request, reply) => written(await of(request).delete(param(request, "id"), writeOptionsOf(request)), reply),
  );
};
