/** The console: the page that apps/console is bundled to, and its files, which are named by their contents. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Area } from "../parts.ts";

const FOLDER = fileURLToPath(new URL("../../console/page", import.meta.url));
const PAGE = "index.html";
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** Everything from this webserver, nothing inline, nothing in a frame, no string that becomes code or markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");
const FOR_EVER = "public, max-age=31536000, immutable";

interface File {
  type: string;
  plain: Buffer;
  gzip: Buffer;
}

/** The files are few and small: they are read once, and nothing that a request says becomes a path. */
export const consoleRoutes: Area = (app) => {
  const files = filesOf(FOLDER);
  const send = async (name: string, caching: string, request: FastifyRequest, reply: FastifyReply) => {
    const file = files.get(name);
    if (!file) return reply.callNotFound();
    const packed = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    void reply.headers({ "content-security-policy": POLICY, "cache-control": caching, vary: "accept-encoding" });
    if (packed) void reply.header("content-encoding", "gzip");
    return await reply.type(file.type).send(packed ? file.gzip : file.plain);
  };
  const about = { config: { public: true }, schema: { hide: true } } as const;
  app.get("/", about, async (request, reply) => await send(PAGE, "no-cache", request, reply));
  app.get("/console/:file", about, async (request, reply) =>
    send((request.params as { file: string }).file, FOR_EVER, request, reply),
  );
};

/** None where it was not bundled. */
function filesOf(folder: string): Map<string, File> {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return new Map(
    names.flatMap((name): [string, File][] => {
      const type = TYPES[extname(name)];
      if (type === undefined) return [];
      const plain = readFileSync(join(folder, name));
      return [[name, { type, plain, gzip: gzipSync(plain) }]];
    }),
  );
}
