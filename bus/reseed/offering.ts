/** Sends all versions of a replica to a store that does not have them, page by page. */
import { asFrontsyncError, FrontsyncError } from "../../schemas/errors.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Epochs, OfferReply, OfferRequest } from "../../schemas/types.ts";
import type { Link } from "../link.ts";
import { pause } from "../platform/deadline.ts";
import { log } from "../platform/log.ts";
import type { Replica } from "../replica/index.ts";
import { FIRST_PLACE, type OfferPlace } from "../replica/methods.ts";

/** For a page, doubled at each try that was not answered. */
const TIMEOUT_MS = { first: 10_000, most: 60_000 };
const TRIES = 6;
const RETRY_MS = 250;
const MAX_TOLD = 3;
const MAX_WANTED = 100_000;

export interface OfferingParts {
  link: Link;
  schemas: Schemas;
  replica: Pick<Replica, "call">;
  /** It ends early, without an effect, when this webserver is held no longer. */
  goesOn(): boolean;
  stop: AbortSignal;
}

export interface Offered {
  refused: number;
  /** The first of what was refused, for people. */
  told: string[];
  /** Contents that the store lacks. */
  wanted: ReadonlySet<string>;
  /** The lives of the store that has taken everything; undefined: something was refused, or it ended early. */
  epochs: Epochs | undefined;
}

type Head = Pick<OfferRequest, "seed" | "generation" | "documents">;

/** Throws what the datastore refuses a page with; then everything is offered again, which changes nothing more. */
export async function offerAll(parts: OfferingParts, head: Head): Promise<Offered> {
  const { replica, goesOn } = parts;
  const wanted = new Set<string>();
  const told: string[] = [];
  let [offered, refused] = [0, 0];
  let place: OfferPlace | undefined = FIRST_PLACE;
  while (place) {
    const page: { records: Uint8Array; count: number; next: OfferPlace | undefined } = await replica.call("offer", place);
    if (!goesOn()) return { refused, told, wanted, epochs: undefined };
    const reply = await ask(parts, { ...head, offered }, page.records);
    for (const { collection, id, code, message } of reply.refused) {
      log.error({ collection, id, code }, `the datastore refuses a version that is offered: ${message}`);
      if (told.length < MAX_TOLD) told.push(`${collection}/${id.slice(0, 80)}: ${code}: ${message}`);
    }
    for (const sha256 of reply.wanted) if (wanted.size < MAX_WANTED) wanted.add(sha256);
    offered += page.count;
    refused += reply.refused.length;
    place = page.next;
  }
  const { epochs } = await ask(parts, { ...head, offered, refused }, new Uint8Array(0));
  return { refused, told, wanted, epochs: refused === 0 ? epochs : undefined };
}

async function ask({ link, schemas, stop }: OfferingParts, request: OfferRequest, records: Uint8Array): Promise<OfferReply> {
  for (let attempt = 0; ; attempt++) {
    try {
      const timeoutMs = Math.min(TIMEOUT_MS.first * 2 ** attempt, TIMEOUT_MS.most);
      return schemas.read("offer.reply", await link.ask("offer", undefined, request, timeoutMs, records));
    } catch (thrown) {
      const error = asFrontsyncError(thrown);
      if (stop.aborted) throw new FrontsyncError("CLOSED", "The bus was closed.");
      if (!error.retryable || error.code === "GENERATION_CHANGED" || attempt + 1 >= TRIES) throw error;
      log.debug({ code: error.code, attempt }, "a page is offered again");
    }
    await pause(RETRY_MS * 2 ** attempt, stop);
  }
}
