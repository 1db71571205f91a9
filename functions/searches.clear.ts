import { FrontsyncError } from "../schemas/errors.ts";
import { hasSeen } from "../schemas/mutation.ts";
import { checkMay } from "./accounts/users.ts";
import { defineFunction } from "./host/define.ts";
import { historyOf } from "./rules/searches.ts";

/** Clears a user's search history, everywhere. What it leaves are the tombstones of the history's places, which later entries take again. */
export default defineFunction({
  name: "searches.clear",
  scope: "named",
  description: "Clears a user's search history.",
  reply: "searches.clear.reply",
  errors: ["RESTORING"],
  async handle({ uid, mutation, by }, { webserver, deadline }, { views, committer, schemas }) {
    await checkMay(views, by, uid);
    const schema = schemas.collection("searches");
    const { held } = await views.of(historyOf(schema, uid), { certain: true });
    // A retry goes on with what was there when it began: what came later is not its business.
    const done = [...held.values()].filter(({ envelope }) => hasSeen(envelope?.seen ?? "", mutation));
    const begun = Math.min(Number.POSITIVE_INFINITY, ...done.map(({ revision }) => revision));
    const entries = [...held.values()].flatMap(({ doc, revision }) => (doc && revision < begun ? [doc] : []));
    const written = await Promise.all(
      entries.map(async ({ slot }) => {
        const edit = { id: `${uid}/${slot}`, what: { op: "delete" as const }, mutation, by, webserver };
        return await committer.commit(schema, edit, deadline).catch((error: unknown) => {
          if (error instanceof FrontsyncError && error.code === "NOT_FOUND") return undefined;
          throw error;
        });
      }),
    );
    const revisions = written.flatMap((reply) => reply?.revision ?? []);
    return {
      revision: Math.max(0, ...[...held.values()].map(({ revision }) => revision), ...revisions),
      cleared: revisions.length,
    };
  },
});
