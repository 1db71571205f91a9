/** The webserver as a Fastify application: its hooks in their order, then its routes, one file for each area. */
import cookie from "@fastify/cookie";
import multipart from "@fastify/multipart";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from "fastify";
import { FrontsyncError, log } from "../../bus/index.ts";
import { answerNoRequest } from "../http/errors.ts";
import { limitedServer } from "../http/server.ts";
import { answerErrors, sendError } from "./errors.ts";
import { swaggerOptions } from "./openapi.ts";
import type { CheckedOptions } from "./options.ts";
import type { Area, Parts } from "./parts.ts";
import { backupRoutes } from "./routes/backup.ts";
import { conflictRoutes } from "./routes/conflicts.ts";
import { consoleRoutes } from "./routes/console.ts";
import { collectionRoutes } from "./routes/documents.ts";
import { eventRoutes } from "./routes/events.ts";
import { groupRoutes } from "./routes/groups.ts";
import { loginRoutes, tooMany } from "./routes/login.ts";
import { outboxRoutes } from "./routes/outbox.ts";
import { preferenceRoutes } from "./routes/preferences.ts";
import { resourceRoutes } from "./routes/resources.ts";
import { searchRoutes } from "./routes/search.ts";
import { searchHistoryRoutes } from "./routes/search-history.ts";
import { systemRoutes } from "./routes/system.ts";
import { userRoutes } from "./routes/users.ts";
import { guard, harden } from "./security.ts";
import { authenticate } from "./sessions/authenticate.ts";
import { limitBodies } from "./slow.ts";

/** Above the largest document. */
const BODY_BYTES = 8 * 1024 * 1024;
/** An id has 1024 bytes at most, each perhaps percent-encoded. */
const MAX_PARAM = 3 * 1024;
/** Of a form with a file, which has a limit of its own. */
const FORM = { files: 1, fields: 10, parts: 11, fieldSize: 4096, headerPairs: 20 };

const AREAS: readonly Area[] = [
  systemRoutes,
  eventRoutes,
  loginRoutes,
  userRoutes,
  groupRoutes,
  preferenceRoutes,
  searchHistoryRoutes,
  resourceRoutes,
  backupRoutes,
  searchRoutes,
  conflictRoutes,
  outboxRoutes,
  collectionRoutes,
  consoleRoutes,
];

/** Everything but listening. */
export async function buildApp(parts: Parts): Promise<FastifyInstance> {
  const { options, schemas } = parts;
  const app = create(options);
  // What comes in is validated where it is used, and what goes out comes from there.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  app.removeContentTypeParser("text/plain");
  answerErrors(app);
  await app.register(swagger, swaggerOptions(schemas));
  await app.register(cookie);
  await app.register(multipart, { limits: FORM });
  guard(app);
  authenticate(app, parts);
  await app.register(rateLimit, {
    global: false,
    max: options.loginsPerMinute,
    timeWindow: 60_000,
    cache: 10_000,
    errorResponseBuilder: tooMany,
  });
  limitBodies(app);
  for (const addRoutes of AREAS) addRoutes(app, parts);
  await app.ready();
  return app;
}

function create({ files, trustedProxies }: CheckedOptions): FastifyInstance {
  const options: FastifyServerOptions = {
    // One server for all that is listened to: Fastify itself makes several for `localhost`, and a renewed certificate must be everywhere.
    serverFactory: (answer) => limitedServer(files).on("request", answer),
    loggerInstance: log.child({ part: "webserver" }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    forceCloseConnections: "idle",
    trustProxy: [...trustedProxies],
    routerOptions: { maxParamLength: MAX_PARAM },
    // Before any hook: what can't even be routed.
    frameworkErrors: (error, request, reply) => {
      harden(request, reply);
      void sendError(error, request, reply);
    },
    clientErrorHandler: answerNoRequest,
  };
  try {
    return Fastify(options);
  } catch (cause) {
    const what = "`trustedProxies` must be addresses and networks";
    throw new FrontsyncError("BAD_CONFIG", `The webserver can't be made: ${(cause as Error).message}. ${what}.`, { cause });
  }
}
