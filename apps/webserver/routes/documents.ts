/** The routes of a collection, made from its schema: list, create, read, replace, patch, delete; look up, clone and versions where it has them. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Collection, type CollectionSchema, FrontsyncError, type WriteOptions, type Written } from "../../../bus/index.ts";
import { describe, givenSchema, reference } from "../openapi.ts";
import type { Area, Parts } from "../parts.ts";
import { scopeOf } from "../sessions/authenticate.ts";
import { numberIn, objectOf, param, queryOf, shown, writeOptionsOf, written } from "./requests.ts";

type Doc = Record<string, unknown>;

export interface Routes {
  path: string;
  schema: CollectionSchema;
  /** The parameter with the document's id; default `id`. */
  param?: string;
  /** The document that the path means; default: the parameter. Throws NOT_FOUND. */
  idOf?: (request: FastifyRequest) => string;
  /** The body of what creates one, and how it is done; default: a put. */
  create?: {
    body: object;
    put(request: FastifyRequest, doc: Doc, options: WriteOptions): Promise<Written>;
  };
  /** How a copy is made; default: a new document with the same fields. */
  clone?: (request: FastifyRequest, from: string, doc: Doc) => Promise<Written>;
}

/** Of these the API has routes of its own kind. */
const OWN_ROUTES = new Set(["resources", "results"]);
/** What a copy has from whoever makes it. */
const SHARING = ["ownerId", "readers", "writers"];
const MAX_NAME = 1024;

/** A plain collection is one of owned, shareable documents: it has routes as soon as it has a schema file. */
export const collectionRoutes: Area = (app, parts) => {
  for (const schema of parts.schemas.collections.values()) {
    const plain = (schema.access ?? "shared") === "shared" && schema.key.length === 1;
    if (plain && !OWN_ROUTES.has(schema.collection)) documentRoutes(app, parts, { path: `/api/${schema.collection}`, schema });
  }
};

export function documentRoutes(app: FastifyInstance, parts: Parts, routes: Routes): void {
  const { path, schema, param: name = "id" } = routes;
  const { collection, title, indexes, fields } = schema;
  const of = (request: FastifyRequest) => scopeOf(parts.bus, request).collection(collection) as Collection<Doc>;
  const idOf = routes.idOf ?? ((request) => param(request, name));
  const params = { [name]: { type: fields[schema.key[0] as string]?.type === "integer" ? "integer" : "string" } };
  const about = (operation: string, summary: string, more: object = {}) =>
    describe(collection, `${operation}${title}`, summary, more);
  const given = (partial: boolean) => givenSchema(schema, partial);
  const one = `${path}/:${name}`;
  const done = { params, reply: reference("Written") };

  app.get(
    path,
    { schema: about("list", "Those that may be seen.", { query: queryParameters(schema), reply: page(title) }) },
    async (request) => pageOf(await of(request).list(queryOf(schema, request))),
  );
  app.post(
    path,
    {
      schema: about("create", "A new one.", {
        body: routes.create?.body ?? given(false),
        reply: reference("Written"),
        status: 201,
      }),
    },
    async (request, reply) => {
      const doc = objectOf(request);
      const key = schema.key[0] as string;
      // Not in the place of another one.
      const fresh = schema.allocates === undefined && doc[key] !== undefined ? { ifRevision: 0 } : {};
      const options = { ...writeOptionsOf(request), ...fresh };
      const created = await (routes.create ? routes.create.put(request, doc, options) : of(request).put(doc, options));
      return written(created, reply, 201);
    },
  );
  app.get(
    one,
    { schema: about("get", "One, with its revision as ETag.", { params, reply: reference(title) }) },
    async (request, reply) => shown(await of(request).get(idOf(request)), reply),
  );
  app.put(
    one,
    { schema: about("replace", "The whole document anew.", { ...done, body: given(false) }) },
    async (request, reply) =>
      written(await of(request).put(withKey(schema, idOf(request), objectOf(request)), writeOptionsOf(request)), reply),
  );
  app.patch(
    one,
    { schema: about("patch", "Changes fields: a JSON Merge Patch.", { ...done, body: given(true) }) },
    async (request, reply) => written(await of(request).patch(idOf(request), objectOf(request), writeOptionsOf(request)), reply),
  );
  app.delete(one, { schema: about("delete", "Deletes it.", done) }, async (request, reply) =>
    written(await of(request).delete(idOf(request), writeOptionsOf(request)), reply),
  );
  if (schema.retention.versions > 1) {
    const versions = async (request: FastifyRequest) => await of(request).versions(idOf(request));
    app.get(
      `${one}/versions`,
      { schema: about("versionsOf", "What it was before, newest first.", { params, reply: list(reference("VersionOf")) }) },
      async (request) => ({ items: await versions(request) }),
    );
    app.get(
      `${one}/versions/:revision`,
      {
        schema: about("versionOf", "What it was at a revision; to bring it back, send its `doc` again.", {
          params: { ...params, revision: { type: "integer" } },
          reply: reference("VersionOf"),
        }),
      },
      async (request) => {
        const revision = numberIn(param(request, "revision"), "version");
        const found = (await versions(request)).find((version) => version.revision === revision);
        if (found) return found;
        throw new FrontsyncError("NOT_FOUND", `Version ${revision} is not kept, or never was.`, { path: "/revision" });
      },
    );
  }
  if (schema.name === undefined || !indexes.includes(schema.name)) return;
  app.get(
    `${path}/lookup/:name`,
    {
      schema: about("find", "By its name: own before a group's before global.", {
        params: { name: { type: "string" } },
        reply: reference(title),
      }),
    },
    async (request, reply) => shown(await of(request).find(param(request, "name")), reply),
  );
  app.post(
    `${one}/clone`,
    {
      schema: about("clone", "A copy that belongs to whoever asks.", {
        ...done,
        body: { type: "object", properties: { name: fields[schema.name] } },
        status: 201,
      }),
    },
    async (request, reply) => {
      const id = idOf(request);
      const doc = shown(await of(request).get(id), reply);
      const copy = { ...copyOf(schema, doc), ...namedBy(request, doc) };
      const cloned = routes.clone ? await routes.clone(request, id, copy) : await of(request).put(copy, writeOptionsOf(request));
      return written(cloned, reply, 201);
    },
  );
}

/** `limit`, `after`, `sort`, and a filter for each index. */
export function queryParameters({ indexes, fields }: CollectionSchema): Record<string, unknown> {
  const filters = indexes.map((field) => [field, { type: fields[field]?.type ?? "string" }]);
  return {
    limit: { type: "integer", minimum: 1, maximum: 1000 },
    after: { type: "string" },
    sort: { enum: indexes.flatMap((field) => [field, `-${field}`]) },
    ...Object.fromEntries(filters),
  };
}

export const page = (title: string) => list(reference(title), { next: { type: "string" } });

export const list = (items: object, more: object = {}) => ({
  type: "object",
  required: ["items"],
  properties: { items: { type: "array", items }, ...more },
});

export function pageOf<T>({ items, next }: { items: { doc: T }[]; next: string | undefined }): { items: T[]; next?: string } {
  return { items: items.map(({ doc }) => doc), ...(next !== undefined && { next }) };
}

/** The document with the id of its path. Throws BAD_ID when it names another one itself. */
function withKey({ key, fields }: CollectionSchema, id: string, doc: Doc): Doc {
  const field = key[0] as string;
  const value = fields[field]?.type === "integer" ? Number(id) : id;
  if (doc[field] !== undefined && doc[field] !== value)
    throw new FrontsyncError("BAD_ID", `The document names another '${field}' than the path.`, { path: `/${field}` });
  return { ...doc, [field]: value };
}

function copyOf({ key, readOnly }: CollectionSchema, doc: Doc): Doc {
  const left = new Set([...key, ...readOnly, ...SHARING]);
  return Object.fromEntries(Object.entries(doc).filter(([field]) => !left.has(field)));
}

function namedBy(request: FastifyRequest, { name }: Doc): Doc {
  const { name: wanted } = request.body === undefined || request.body === null ? {} : objectOf(request);
  return { name: wanted ?? [..."Copy of ", ...String(name)].slice(0, MAX_NAME).join("") };
}
