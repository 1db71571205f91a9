import type { FusesListReply } from "../schemas/types.ts";
import { checkMay } from "./accounts/users.ts";
import { defineFunction } from "./host/define.ts";

/** Of the held deletions of one collection, those that are told. */
const SOME = 20;

/** The fuses that are open, and what they hold. */
export default defineFunction({
  name: "fuses.list",
  scope: "named",
  description: "The fuses that are open, and what they hold.",
  reply: "fuses.list.reply",
  errors: [],
  async handle({ by }, _caller, { views, epochs, fuses }) {
    await checkMay(views, by);
    await epochs.ready();
    const listed: FusesListReply["fuses"] = [];
    for (const [collection, fuse] of fuses.all) {
      const { openedAt, deleted, size } = (await fuse.document.read()).value ?? {};
      const [some, counted]: [FusesListReply["fuses"][number]["some"], { held: number }] = [[], { held: 0 }];
      for await (const { id, by: asked, webserver, at, discarded } of fuses.held(collection)) {
        if (discarded) continue;
        if (some.length < SOME) some.push({ id, by: asked, webserver, at });
        counted.held++;
      }
      const open = openedAt !== undefined && { openedAt, deleted: deleted ?? 0, size: size ?? 0 };
      if (open || counted.held > 0) listed.push({ collection, ...open, ...counted, some });
    }
    return { fuses: listed };
  },
});
