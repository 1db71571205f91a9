import { clock } from "../bus/platform/clock.ts";
import { randomId } from "../bus/platform/random.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import type { HeldWebserver } from "../schemas/types.ts";
import { checkMay } from "./accounts/users.ts";
import { defineFunction } from "./host/define.ts";
import { closeSeeding, highestNumbers } from "./seed/closing.ts";
import { closed, opened } from "./seed/record.ts";

/** An operator says what is to become of webservers that are held, or only looks at them. */
export default defineFunction({
  name: "stores.reseed",
  scope: "named",
  description: "An operator's word on webservers that are held: they bring the store forward, or take over what it has.",
  reply: "stores.reseed.reply",
  errors: ["BAD_CONFIG"],
  async handle({ word, from, by }, _caller, context) {
    const { epochs, presence, seeding, views } = context;
    await checkMay(views, by);
    await epochs.ready();
    const held = presence.held();
    if (word === "close") await closeSeeding(context, { anyway: true });
    if (word === "accept" || word === "replace") {
      const before = await seeding.record({ certain: true });
      // Nobody is held any more: what there was to do is being done, or was.
      if (!from && held.length === 0 && before) return { generation: epochs.generation, seeding: before, held };
      const generations = from ?? onlyGeneration(held);
      const meant = held.filter(({ claim }) => generations.includes(claim.generation));
      const webservers = meant.map(({ webserver }) => webserver);
      const newest = meant.map(({ claim }) => claim.newest);
      const numbers = await highestNumbers(context);
      const facts = { id: randomId(), word, from: generations };
      await seeding.change((record) => {
        const next = opened({ ...facts, next: record?.next ?? {} }, webservers, clock.now(), newest);
        return word === "accept" ? next : closed(next, numbers, clock.now());
      });
    }
    const record = await seeding.record({ certain: true });
    return { generation: epochs.generation, ...(record && { seeding: record }), held };
  },
});

function onlyGeneration(held: readonly HeldWebserver[]): string[] {
  const generations = [...new Set(held.map(({ claim }) => claim.generation))];
  if (generations.length === 1) return generations;
  throw new FrontsyncError(
    "BAD_CONFIG",
    generations.length === 0
      ? "No webserver is held now. When one is, it shows within two of its check-ins; or name its generation (--from)."
      : `The webservers that are held are of different stores (generations ${generations.join(", ")}): say which (--from).`,
  );
}
