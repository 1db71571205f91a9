/** Resources: documents with a content, which is streamed in and out. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { FrontsyncError, type Resource, type Scope } from "../../../bus/index.ts";
import { describe, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { scopeOf } from "../sessions/authenticate.ts";
import { documentRoutes } from "./documents.ts";
import { type ByteRange, rangeOf } from "./range.ts";
import { param, shown, untilClosed, writeOptionsOf, written } from "./requests.ts";
import { fileOf } from "./uploads.ts";

const TAG = "resources";
const PATH = "/api/resources";
const TRIES = 3;

export const resourceRoutes: Area = (app, parts) => {
  const { bus, schemas, options } = parts;
  const schema = schemas.collection(TAG);
  documentRoutes(app, parts, {
    path: PATH,
    schema,
    param: "guid",
    clone: async (request, from, doc) =>
      await scopeOf(bus, request).resources.clone(from, doc as { name: string }, writeOptionsOf(request)),
  });

  const params = { guid: { type: "string" } };
  const raw = `${PATH}/:guid/raw`;
  const download = async (request: FastifyRequest, reply: FastifyReply) =>
    await sendContent(scopeOf(bus, request), param(request, "guid"), request, reply);
  const schemaOfGet = describe(TAG, "download", "Its content; with the header Range a part of it.", { params, binary: true });
  app.get(raw, { config: { streams: true }, exposeHeadRoute: false, schema: schemaOfGet }, download);
  app.head(raw, { schema: { hide: true } }, download);

  const file = { type: "object", required: ["file"], properties: { file: { type: "string", format: "binary" } } };
  app.post(
    `${PATH}/raw`,
    {
      config: { streams: true },
      schema: describe(TAG, "uploadNew", "A new one with its content, the field `file`: it is there when all of it is.", {
        query: { name: { type: "string" } },
        consumes: "multipart/form-data",
        body: file,
        reply: reference("Written"),
        status: 201,
      }),
    },
    async (request, reply) => {
      const name = nameOf(request);
      const content = await fileOf(request, options.resourceMaxSize);
      const { sha256, size, version, ...stored } = await scopeOf(bus, request).resources.upload(
        content,
        { name },
        writeOptionsOf(request),
      );
      return { ...written(stored, reply, 201), sha256, size, version };
    },
  );
  for (const method of ["PUT", "POST"] as const)
    app.route({
      method,
      url: raw,
      config: { streams: true },
      schema: describe(TAG, method === "PUT" ? "upload" : "uploadByPost", "A new version of its content, in the field `file`.", {
        params,
        consumes: "multipart/form-data",
        body: file,
        reply: reference("Written"),
      }),
      handler: async (request, reply) => {
        const scope = scopeOf(bus, request);
        const id = param(request, "guid");
        shown(await scope.collection(TAG).get(id), reply);
        const content = await fileOf(request, options.resourceMaxSize);
        // Of what is there it changes the content alone: an upload takes long, and another one may give a new name meanwhile.
        const { sha256, size, version, ...stored } = await scope.resources.upload(content, {} as { name: string }, {
          ...writeOptionsOf(request),
          id,
        });
        return { ...written(stored, reply), sha256, size, version };
      },
    });
};

/** Throws BAD_MESSAGE. */
function nameOf({ query }: FastifyRequest): string {
  const { name } = query as Record<string, unknown>;
  if (typeof name === "string" && name !== "") return name;
  throw new FrontsyncError("BAD_MESSAGE", "Give the parameter 'name' once: what the resource is to be called.", {
    path: "/name",
  });
}

/** The content that the document has now: one that is replaced meanwhile is looked at again, so that headers and bytes are of one version. */
async function sendContent(scope: Scope, id: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const signal = untilClosed(reply);
  for (let attempt = 1; ; attempt++) {
    const { doc } = (await scope.collection(TAG).get(id)) ?? {};
    if (!doc) throw new FrontsyncError("NOT_FOUND", "There is no such resource, or you may not see it.");
    const { size = 0, sha256 } = doc;
    if (sha256 === undefined) throw new FrontsyncError("CONTENT_MISSING", "The resource has no content yet: upload one.");
    const about = aboutContent(doc);
    if (request.headers["if-none-match"] === about.etag) return await reply.headers(about).code(304).send();
    let range: ByteRange | undefined;
    try {
      range = rangeOf(request.headers, size, about.etag);
    } catch (error) {
      void reply.header("content-range", `bytes */${size}`);
      throw error;
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    // Only once it is known that these are of the version that is sent: a refusal is no file, and has nothing of another version.
    const begin = () =>
      reply.code(range ? 206 : 200).headers({
        ...about,
        ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
        "content-length": end - start + 1,
      });
    if (request.method === "HEAD") return await begin().send();
    const content = await scope.resources.open(id, { ...range, signal });
    const now = await scope.collection(TAG).get(id);
    if (now?.doc.sha256 === sha256) return await begin().send(content);
    content.destroy();
    if (attempt === TRIES) throw new FrontsyncError("CONTENT_MISSING", "The content changes again and again: try later.");
  }
}

function aboutContent({ name, sha256 }: Resource) {
  return {
    etag: `"${sha256}"`,
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, hex)}`,
  };
}

const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
