/** Which methods a path has: a wrong one is told from a path that is not there. */
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Notes the routes that are added from now on. Returns what tells the methods of those whose path a request has. */
export function notePaths(app: FastifyInstance): (request: FastifyRequest) => string[] {
  const paths = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method }) => {
    const known = paths.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    for (const one of [method].flat()) known.methods.add(one);
    paths.set(url, known);
  });
  return ({ url }) => {
    const path = url.split("?", 1)[0] ?? "";
    const found = [...paths.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  };
}

function patternOf(url: string): RegExp {
  const parts = url.split("/").map((part) => (part.startsWith(":") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${parts.join("/")}$`);
}
