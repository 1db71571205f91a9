/** Preferences: named sets of a user, own ones also without the uid. */
import { describe, givenSchema, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { scopeOf, sessionOf } from "../sessions/authenticate.ts";
import { page, pageOf } from "./documents.ts";
import { objectOf, param, queryOf, shown, uidOf, writeOptionsOf, written } from "./requests.ts";

const TAG = "preferences";

export const preferenceRoutes: Area = (app, { bus, schemas }) => {
  const schema = schemas.collection(TAG);
  for (const [path, whose, uidIn] of [
    [`/api/${TAG}`, "Own", (request: Parameters<typeof sessionOf>[0]) => sessionOf(request).uid],
    [`/api/users/:uid/${TAG}`, "UserS", uidOf],
  ] as const) {
    const uidParam = path.includes(":uid") ? { uid: { type: "string", description: "A uid, or `me`." } } : {};
    const params = { ...uidParam, name: { type: "string" } };
    const about = (operation: string, summary: string, more: object) =>
      describe(TAG, `${operation}${whose}Preference`, summary, { params, reply: reference("Written"), ...more });
    app.get(
      path,
      { schema: about("list", "All that may be seen.", { params: uidParam, query: limits, reply: page(schema.title) }) },
      async (request) =>
        pageOf(
          await scopeOf(bus, request)
            .collection(TAG)
            .list(queryOf(schema, request, { uid: uidIn(request) })),
        ),
    );
    const idOf = (request: Parameters<typeof uidOf>[0]) => `${uidIn(request)}/${param(request, "name")}`;
    app.get(`${path}/:name`, { schema: about("get", "One set.", { reply: reference(schema.title) }) }, async (request, reply) =>
      shown(await scopeOf(bus, request).collection(TAG).get(idOf(request)), reply),
    );
    app.put(
      `${path}/:name`,
      { schema: about("put", "Sets it.", { body: givenSchema(schema, true) }) },
      async (request, reply) => {
        const doc = { ...objectOf(request), uid: uidIn(request), name: param(request, "name") };
        return written(await scopeOf(bus, request).collection(TAG).put(doc, writeOptionsOf(request)), reply);
      },
    );
    app.delete(`${path}/:name`, { schema: about("delete", "Deletes it.", {}) }, async (request, reply) =>
      written(await scopeOf(bus, request).collection(TAG).delete(idOf(request), writeOptionsOf(request)), reply),
    );
  }
};

const limits = { limit: { type: "integer", minimum: 1, maximum: 1000 }, after: { type: "string" } };
