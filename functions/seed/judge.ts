/** What a held webserver is answered. Pure: of two stores that do not know each other nobody can see which is the right one, so only what is beyond
 *  doubt goes on by itself, and all else waits for an operator's word. */
import { judge } from "../../schemas/epochs.ts";
import type { Epochs, OfferBeginReply, OfferBeginRequest, Seeding } from "../../schemas/types.ts";
import { takesOffers } from "./record.ts";

const DAY_MS = 24 * 3600_000;

export interface Scene {
  epochs: Epochs;
  record: Seeding | undefined;
  /** The store has nothing but what its first start made. */
  empty: boolean;
  /** The claim's newest version was signed with this datastore's key. */
  signed: boolean;
  now: number;
  /** For so long after a seeding began who is late is heard. */
  lateMs: number;
}

type Verdict = Pick<OfferBeginReply, "what" | "why"> & { opens?: true };
type Claim = Pick<OfferBeginRequest, "position" | "generation" | "documents" | "newest" | "pending">;

export function judgeClaim(claim: Claim, scene: Scene): Verdict {
  const { epochs, record, empty, signed } = scene;
  if (judge(epochs, claim.position) === "good")
    return { what: "wait", why: "They fit together again: the next check-in goes on." };
  if (record && covers(record, claim)) return underWord(record, scene);
  if (claim.newest === undefined && claim.pending === 0)
    return { what: "adopt", why: "This webserver has nothing that anybody made, and takes over what the datastore has." };
  if (empty && signed && !record?.open)
    return { what: "offer", why: `The datastore is empty and is filled from its webservers.${WHILE}`, opens: true };
  if (empty && !signed) return { what: "wait", why: unsigned(claim) };
  return { what: "wait", why: ownGeneration(epochs, claim) ? OLDER : another(epochs, claim) };
}

/** A word is about what was there when it was given: data that are younger than it have become a riddle of their own since. */
function covers({ from, until }: Seeding, { generation, newest }: Claim): boolean {
  return from.includes(generation) && (newest === undefined || Date.parse(newest) < Date.parse(until));
}

function underWord(record: Seeding, { now, lateMs }: Scene): Verdict {
  if (record.word === "replace")
    return {
      what: "adopt",
      why: "An operator has said that the datastore's state counts (reseed --replace): this webserver takes it over.",
    };
  if (record.open) return { what: "offer", why: `The datastore is filled from its webservers.${WHILE}` };
  if (takesOffers(record, now, lateMs))
    return { what: "offer", why: "The datastore was filled without this webserver, which offers what it has now." };
  const days = Math.round(lateMs / DAY_MS);
  return {
    what: "wait",
    why: `The datastore was filled from other webservers more than ${days} days ago: what this one has may have been deleted since. \`frontsync reseed --accept\` takes it nevertheless; \`frontsync reseed --replace\` keeps it aside.`,
  };
}

function ownGeneration(epochs: Epochs, { position, generation }: Claim): boolean {
  return generation === epochs[0]?.epoch || epochs.some(({ epoch }) => epoch === position.epoch);
}

const WHILE = " Until all of them have offered what they have, nothing is written there.";
const OLDER =
  "The datastore is an older state of its store: something of it was lost, or a copy was put back. Put the newest state back; or bring this one forward by what the webservers have: `frontsync reseed --accept`; or let the webservers take it over as it is: `frontsync reseed --replace` keeps aside what they give up.";

function unsigned({ generation }: Claim): string {
  return `The datastore is empty and has another key than the one that signed this webserver's data (generation ${generation}). If it is another deployment's, correct the address. If the store was lost with its keys.json, put keys.json back and restart the datastore: then it is filled by itself; without it say so: \`frontsync reseed --accept\`.`;
}

function another(epochs: Epochs, { generation }: Claim): string {
  return `The datastore (generation ${epochs[0]?.epoch}) has data of its own and is not the one of this webserver's (generation ${generation}). Most likely it is another deployment's: correct the address. If it is to take that one's place: \`frontsync reseed --accept --from ${generation}\` adds what this webserver has, \`--replace\` keeps it aside.`;
}
