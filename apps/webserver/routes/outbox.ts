/** The writes of this webserver that are not up yet, and those that were refused later: each for whoever asked for it, and admins. */
import type { FastifyRequest } from "fastify";
import { type DeadLetter, FrontsyncError, type Queued } from "../../../bus/index.ts";
import { describe, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { isAdmin, sessionOf } from "../sessions/authenticate.ts";
import { list } from "./documents.ts";
import { param, written } from "./requests.ts";

const TAG = "outbox";
const PATH = "/api/deadletters";
const ONE = `${PATH}/:mutationId`;
/** Of one list; more when some are gone. */
const MAX_LISTED = 1000;

export const outboxRoutes: Area = (app, { bus }) => {
  const params = { mutationId: { type: "string" } };
  const items = list(reference("Queued"));
  const own = async <T extends Queued>(request: FastifyRequest, all: readonly T[]): Promise<T[]> => {
    if (await isAdmin(bus, request)) return [...all];
    const { uid } = sessionOf(request);
    return all.filter(({ by }) => by === uid);
  };
  /** Throws NOT_FOUND. */
  const letterOf = async (request: FastifyRequest): Promise<DeadLetter> => {
    const wanted = param(request, "mutationId");
    const letter = (await own(request, await bus.deadLetters.list())).find(({ mutationId }) => mutationId === wanted);
    if (letter) return letter;
    throw new FrontsyncError("NOT_FOUND", "There is no such dead letter on this webserver, or it is not yours.");
  };

  app.get(
    "/api/outbox",
    {
      schema: describe(TAG, "outbox", "Own writes that wait on this webserver for the datastore; for admins all.", {
        reply: items,
      }),
    },
    async (request) => ({ items: (await own(request, await bus.outbox.list())).slice(0, MAX_LISTED).map(withoutBody) }),
  );
  app.get(
    PATH,
    {
      schema: describe(TAG, "listDeadLetters", "Own writes that waited on this webserver and were refused; for admins all.", {
        reply: items,
      }),
    },
    async (request) => ({ items: (await own(request, await bus.deadLetters.list())).slice(0, MAX_LISTED).map(withoutBody) }),
  );
  app.get(
    ONE,
    { schema: describe(TAG, "getDeadLetter", "One, with what was to be stored.", { params, reply: reference("Queued") }) },
    async (request) => await letterOf(request),
  );
  app.post(
    `${ONE}/retry`,
    {
      schema: describe(TAG, "retryDeadLetter", "Asks for it again, on what is there now. When that is refused, too, it stays.", {
        params,
        reply: reference("Written"),
      }),
    },
    async (request, reply) => written(await bus.deadLetters.retry((await letterOf(request)).mutationId), reply),
  );
  app.delete(
    ONE,
    { schema: describe(TAG, "discardDeadLetter", "Gives it up.", { params, reply: reference("Written") }) },
    async (request) => {
      const { mutationId, id } = await letterOf(request);
      await bus.deadLetters.discard(mutationId);
      return { id, revision: null, mutationId };
    },
  );
};

/** It may be as large as a document. */
function withoutBody({ body: _body, ...rest }: Queued): Omit<Queued, "body"> {
  return rest;
}
