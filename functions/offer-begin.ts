import { clock } from "../bus/platform/clock.ts";
import type { OfferBeginReply } from "../schemas/types.ts";
import { defineFunction } from "./host/define.ts";
import { closeSeeding, isOver } from "./seed/closing.ts";
import { judgeClaim } from "./seed/judge.ts";
import { offeredVersions } from "./seed/offers.ts";
import { begun } from "./seed/record.ts";

/** A webserver that is held asks what to do: wait for an operator, offer what it has, or take over what is here. */
export default defineFunction({
  name: "offer-begin",
  scope: "all",
  framed: true,
  description: "A held webserver says what it has, and learns what to do; its newest version follows as bytes.",
  reply: "offer-begin.reply",
  errors: [],
  async handle(claim, { webserver, bytes }, context): Promise<OfferBeginReply> {
    const { epochs, seeding, restoring, presence } = context;
    await epochs.ready();
    const [sample] = offeredVersions(bytes);
    const emptyAt = await seeding.emptyAt();
    const record = await seeding.record({ certain: true });
    const judged = judgeClaim(claim, {
      epochs: epochs.list,
      record,
      empty: emptyAt !== undefined,
      signed: sample !== undefined && seeding.isSigned(sample),
      now: clock.now(),
      lateMs: seeding.lateMs,
    });
    // Read after `emptyAt`: one that begins later is behind that head, where no seeding is opened any more.
    const restored = judged.opens ? await restoring.whyOthersWait() : undefined;
    const { what, why } = restored === undefined ? judged : { what: "wait" as const, why: restored };
    const { generation, documents, newest, peers } = claim;
    presence.claims(webserver, { generation, documents, offered: 0, why, ...(newest !== undefined && { newest }) });
    if (what !== "offer") return { what, why, epochs: epochs.list };
    // When the store is not so empty any more, the next check-in finds what it is.
    if (judged.opens && emptyAt !== undefined) await seeding.openAt(emptyAt, claim, [webserver, ...peers]);
    const current = await seeding.change((now) => now && begun(now, webserver, peers));
    if (isOver(current)) await closeSeeding(context);
    if (!current?.from.includes(generation)) return { what: "wait", why: "The datastore has just changed: it is asked again." };
    return { what, why, seed: current.id, epochs: epochs.list };
  },
});
