/** Users: the documents, and what only a function may change: passwords, locks, the admin flag. */
import type { FastifyRequest } from "fastify";
import {
  asFrontsyncError,
  type CallOptions,
  type Collection,
  FrontsyncError,
  type Schemas,
  type User,
  type WriteOptions,
  type Written,
} from "../../../bus/index.ts";
import { describe, givenSchema, messageSchema, reference } from "../openapi.ts";
import type { Area, Parts } from "../parts.ts";
import { scopeOf, sessionOf } from "../sessions/authenticate.ts";
import { documentRoutes } from "./documents.ts";
import { objectOf, shown, uidOf, writeOptionsOf, written } from "./requests.ts";

const TAG = "users";
const PATH = "/api/users";
const params = { uid: { type: "string", description: "A uid, or `me`." } };
const FROM_PATH = ["mutation", "by", "uid"];

export const userRoutes: Area = (app, parts) => {
  const { bus, schemas } = parts;
  const schema = schemas.collection("users");
  documentRoutes(app, parts, {
    path: PATH,
    schema,
    param: "uid",
    idOf: (request) => String(uidOf(request)),
    create: {
      body: withPassword(givenSchema(schema), schemas),
      put: async (request, { password, ...doc }, options) => {
        const users = scopeOf(bus, request).collection("users");
        if (password === undefined) return await users.put(doc, options);
        return await putWithPassword(parts, users, sessionOf(request).uid, { doc, password, options });
      },
    },
  });

  const one = `${PATH}/:uid`;
  const userOf = async (request: FastifyRequest) =>
    await scopeOf(bus, request)
      .collection("users")
      .get(String(uidOf(request)));
  const by = (request: FastifyRequest): CallOptions => ({ by: sessionOf(request).uid });
  const done = async (uid: number, call: Promise<{ revision: number | null }>) => ({
    id: String(uid),
    revision: (await call).revision,
  });
  const about = (operation: string, summary: string, more: object = {}) =>
    describe(TAG, operation, summary, { params, reply: reference("Written"), ...more });

  app.put(
    `${one}/pwd`,
    {
      config: { rateLimit: { groupId: "passwords" } },
      bodyLimit: 16_384,
      schema: about("setPassword", "Sets a password, and ends the user's sessions. Own: `current` is needed.", {
        body: messageSchema(schemas, "users.setPassword.request", FROM_PATH),
      }),
    },
    async (request) => {
      const { password, current } = objectOf(request) as { password: string; current?: string };
      const uid = uidOf(request);
      const asked = { uid, password, ...(current !== undefined && { current }) };
      return await done(uid, bus.call("users.setPassword", asked, by(request)));
    },
  );
  for (const [method, locked] of [
    ["PUT", true],
    ["DELETE", false],
  ] as const)
    app.route({
      method,
      url: `${one}/lock`,
      schema: about(locked ? "lockUser" : "unlockUser", locked ? "Locks a user and ends the sessions." : "Lets a user in again."),
      handler: async (request) => {
        const uid = uidOf(request);
        return await done(uid, bus.call("users.setLocked", { uid, locked }, by(request)));
      },
    });
  for (const [method, admin] of [
    ["PUT", true],
    ["DELETE", false],
  ] as const)
    app.route({
      method,
      url: `${one}/admin`,
      schema: about(admin ? "makeAdmin" : "makePlainUser", admin ? "Makes a user an admin." : "Makes an admin a plain user."),
      handler: async (request) => {
        const uid = uidOf(request);
        return await done(uid, bus.call("users.setAdmin", { uid, admin }, by(request)));
      },
    });

  const { groups, defaultGroup } = schema.fields;
  app.get(
    `${one}/group`,
    {
      schema: about("groupsOfUser", "The groups of a user.", { reply: { type: "object", properties: { groups, defaultGroup } } }),
    },
    async (request, reply) => {
      const user = shown(await userOf(request), reply);
      return { groups: user.groups ?? [], ...(user.defaultGroup !== undefined && { defaultGroup: user.defaultGroup }) };
    },
  );
  app.put(
    `${one}/group`,
    {
      schema: about("setGroupsOfUser", "Says which groups a user is in.", {
        body: { type: "object", required: ["groups"], properties: { groups } },
      }),
    },
    async (request, reply) => {
      const { groups: wanted } = objectOf(request) as { groups?: number[] };
      // A body that names none, by a slip, is not to take the user out of all.
      if (!Array.isArray(wanted))
        throw new FrontsyncError("BAD_MESSAGE", "Send {groups}: the gids of all groups that the user is in from now on.", {
          path: "/groups",
        });
      const users = scopeOf(bus, request).collection("users");
      return written(await users.patch(String(uidOf(request)), { groups: wanted }, writeOptionsOf(request)), reply);
    },
  );
  app.get(
    `${one}/sessions`,
    {
      schema: about("sessionsOfUser", "From when on sessions of the user count; own: also this one.", {
        reply: { type: "object", properties: { sessionsFrom: schema.fields.sessionsFrom, current: { type: "object" } } },
      }),
    },
    async (request, reply) => {
      const { sessionsFrom } = shown(await userOf(request), reply);
      const session = sessionOf(request);
      return { ...(sessionsFrom !== undefined && { sessionsFrom }), ...(session.uid === uidOf(request) && { current: session }) };
    },
  );
  app.delete(`${one}/sessions`, { schema: about("endSessionsOfUser", "Ends all sessions of a user.") }, async (request) => {
    const uid = uidOf(request);
    return await done(uid, bus.call("users.logout", { uid }, by(request)));
  });
};

/** A new user as it is sent: with a password, if it is to have one at once. */
function withPassword(given: Record<string, unknown>, schemas: Schemas): object {
  const { properties } = messageSchema(schemas, "users.setPassword.request");
  const { password } = properties as { password: object };
  return { ...given, properties: { ...(given.properties as object), password } };
}

/** Two steps, since passwords are set by a function alone. When the second fails the user is there, and nobody can log in as it: the error says so,
 *  and the same request under the same key does the rest. Throws what either step throws. */
async function putWithPassword(
  { bus, schemas }: Parts,
  users: Collection<User>,
  by: number,
  { doc, password, options }: { doc: Partial<User>; password: unknown; options: WriteOptions },
): Promise<Written> {
  // Before anything is stored: a bad password makes no user. What stands for the rest of the request is never sent.
  const asked = schemas.read("users.setPassword.request", JSON.stringify({ mutation: "m", by, uid: 1, password }));
  const made = await users.put(doc, options);
  const uid = Number(made.id);
  try {
    const mutationId = options.mutationId === undefined ? {} : { mutationId: `${options.mutationId}:pwd` };
    const { revision } = await bus.call("users.setPassword", { uid, password: asked.password }, { by, ...mutationId });
    return { ...made, revision };
  } catch (thrown) {
    const { code, message } = asFrontsyncError(thrown);
    const todo =
      options.mutationId === undefined
        ? `Set it with PUT ${PATH}/${uid}/pwd.`
        : `Send the same request again, with the same Idempotency-Key, or PUT ${PATH}/${uid}/pwd.`;
    const text = `The user ${uid} is made, and has no password yet: nobody can log in as it. ${todo} The reason: ${message}`;
    throw new FrontsyncError(code, text, { cause: thrown });
  }
}
