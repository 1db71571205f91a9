/** What a live page needs: how this webserver does, and what changes, as it changes. */
import type { FastifyReply } from "fastify";
import { describe, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { isAdmin, sessionOf } from "../sessions/authenticate.ts";

const TAG = "events";
const SUMMARY = [
  "Server-sent events, until the session ends. `status`: a Status without figures, at the start and when it changes.",
  "`change`: a ChangeEvent of what may be seen; its id is the revision.",
  "`reset`: what was read before may be old, read it again; also as the answer to a Last-Event-ID after which not everything can be told.",
  "`metrics`, for admins, each second: a MetricsEvent.",
  "429: too many streams of one user; 503: of all.",
].join(" ");

export const eventRoutes: Area = (app, { bus, status, events }) => {
  app.get(
    "/api/status",
    {
      schema: describe(TAG, "status", "How this webserver does; admins are told also figures, and of the others.", {
        reply: reference("Status"),
      }),
    },
    async (request) => ((await isAdmin(bus, request)) ? status.forAdmins() : status.forUsers()),
  );
  app.get(
    "/api/events",
    { exposeHeadRoute: false, schema: describe(TAG, "events", SUMMARY, { events: true }) },
    async (request, reply) => {
      const lastId = request.headers["last-event-id"];
      const stream = events.open(sessionOf(request), lastId === undefined ? undefined : String(lastId));
      unbuffered(reply);
      return await reply.type("text/event-stream; charset=utf-8").send(stream);
    },
  );
};

/** Proxies pass on what comes as it comes. */
function unbuffered(reply: FastifyReply): void {
  void reply.headers({ "cache-control": "no-store, no-transform", "x-accel-buffering": "no" });
}
