/** Groups, and who is in them. */
import { describe, messageSchema, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { scopeOf, sessionOf } from "../sessions/authenticate.ts";
import { documentRoutes } from "./documents.ts";
import { numberIn, objectOf, param, shown } from "./requests.ts";

const TAG = "groups";
const PAGE = 1000;
const params = { gid: { type: "integer" } };

export const groupRoutes: Area = (app, parts) => {
  const { bus, schemas } = parts;
  const gidOf = (request: Parameters<typeof param>[0]) => numberIn(param(request, "gid"), "group");
  documentRoutes(app, parts, {
    path: "/api/groups",
    schema: schemas.collection("groups"),
    param: "gid",
    idOf: (request) => String(gidOf(request)),
  });

  const { properties } = messageSchema(schemas, "groups.setMembers.request");
  const { members } = properties as { members: object };
  app.get(
    "/api/groups/:gid/members",
    {
      schema: describe(TAG, "membersOfGroup", "The uids of its members.", {
        params,
        reply: { type: "object", properties: { members } },
      }),
    },
    async (request, reply) => {
      const scope = scopeOf(bus, request);
      const gid = gidOf(request);
      shown(await scope.collection("groups").get(String(gid)), reply);
      const found: number[] = [];
      let after: string | undefined;
      do {
        const page = await scope.collection("users").list({ limit: PAGE, ...(after !== undefined && { after }) });
        found.push(...page.items.flatMap(({ doc }) => (doc.groups?.includes(gid) ? [doc.uid] : [])));
        after = page.next;
      } while (after !== undefined);
      return { members: found };
    },
  );
  app.put(
    "/api/groups/:gid/members",
    {
      schema: describe(TAG, "setMembersOfGroup", "Says who is in a group.", {
        params,
        body: messageSchema(schemas, "groups.setMembers.request", ["mutation", "by", "gid"]),
        reply: reference("Written"),
      }),
    },
    async (request) => {
      const { members: wanted } = objectOf(request) as { members: number[] };
      const gid = gidOf(request);
      const { revision } = await bus.call("groups.setMembers", { gid, members: wanted }, { by: sessionOf(request).uid });
      return { id: String(gid), revision };
    },
  );
};
