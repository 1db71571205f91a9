/** What anybody may ask: whether this webserver is there, which it is, whether it should get users, and what it can do. */
import { VERSION } from "../../../bus/index.ts";
import { describe, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";

const TAG = "system";
const config = { public: true } as const;

export const systemRoutes: Area = (app, { options, health }) => {
  app.get(
    "/api/test",
    { config, schema: describe(TAG, "test", "Whether a webserver is there.", { reply: { type: "object" } }) },
    async () => ({}),
  );
  app.get(
    "/api/version",
    { config, schema: describe(TAG, "version", "Which frontsync this is.", { reply: reference("Version") }) },
    async () => ({ version: VERSION, webserver: options.bus.webserver }),
  );
  app.get(
    "/api/health",
    {
      config,
      schema: describe(TAG, "health", "Whether this webserver should get users; with 503 it should not.", {
        reply: reference("Health"),
      }),
    },
    async (_request, reply) => {
      const found = health.look();
      return await reply.code(found.ready ? 200 : 503).send(found);
    },
  );
  app.get(
    "/api/openapi.json",
    { config, schema: describe(TAG, "openapi", "This description.", { reply: { type: "object" } }) },
    async () => app.swagger(),
  );
};
