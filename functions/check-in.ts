import { clock } from "../bus/platform/clock.ts";
import { VERSION } from "../bus/platform/package.ts";
import { pageBytes } from "../bus/wire/page.ts";
import { streamInfo } from "../bus/wire/stream.ts";
import { judge } from "../schemas/epochs.ts";
import type { CheckInRequest, Vitals } from "../schemas/types.ts";
import { defineFunction } from "./host/define.ts";
import { needNotOffer } from "./seed/closing.ts";

/** With many webservers they are asked to check in less often: each costs about this many ms of a handler. */
const MS_PER_CHECK_IN = 5;

/** The heartbeat: a webserver says where it stands, and learns where it should. */
export default defineFunction({
  name: "check-in",
  scope: "all",
  description: "A webserver's heartbeat: where it stands, and what it should hold there.",
  reply: "check-in.reply",
  errors: [],
  async handle(request, { webserver }, context) {
    const { connection, contents, epochs, follower, known, presence, schemas, warnings } = context;
    const { position, externalAddr } = request;
    await epochs.ready();
    const head = (await streamInfo(connection))?.state.last_seq ?? 0;
    const { version, state, pending, intervalMs } = request;
    // Nobody is held on hearsay.
    const judged = judge(judge(epochs.list, position) === "good" ? epochs.list : await epochs.look(), position);
    const cursor = position?.cursor ?? 0;
    presence.tell({
      webserver,
      ...(externalAddr !== undefined && { externalAddr }),
      version,
      state,
      cursor,
      pending,
      intervalMs,
      vitals: { ...saidOf(request), ...(position && judged === "good" && { lag: Math.max(0, head - cursor) }) },
      at: clock.now(),
    });
    known.tell(webserver, request, judged === "good");
    if (judged === "good") await needNotOffer(webserver, context);
    const wantedContents = contents.wanted();
    const digests = position && follower.digests.at(position.cursor);
    const peers = presence.peersOf(webserver);
    return {
      version: VERSION,
      now: clock.now(),
      epochs: epochs.list,
      head,
      position: judged,
      ...(digests && { digests }),
      peers,
      vitals: presence.vitalsOf(peers),
      intervalMs: presence.size * MS_PER_CHECK_IN,
      warnings: await warnings(),
      schemas: Object.fromEntries(
        [...schemas.collections].filter(([, { version }]) => version > 1).map(([name, { version }]) => [name, version]),
      ),
      resourceMaxBytes: contents.maxBytes,
      pageBytes: pageBytes(connection.info.maxPayload),
      ...(wantedContents.length > 0 && { wantedContents }),
    };
  },
});

/** Of what a webserver says of itself no more than is known here: every handler keeps it. */
function saidOf({ vitals: { draining, deadLetters, conflicts } = {} }: CheckInRequest): Vitals {
  return {
    ...(draining !== undefined && { draining }),
    ...(deadLetters !== undefined && { deadLetters }),
    ...(conflicts !== undefined && { conflicts }),
  };
}
