/** Ends a seeding when all have offered. */
import { clock } from "../../bus/platform/clock.ts";
import type { Seeding } from "../../schemas/types.ts";
import { highest } from "../commit/placement.ts";
import type { Context } from "../host/define.ts";
import { wholeCollection } from "../store/views.ts";
import { closed, offered, waitingFor } from "./record.ts";

export function isOver(record: Seeding | undefined): boolean {
  return record?.open === true && Object.keys(record.webservers).length > 0 && waitingFor(record).length === 0;
}

/** Closes the seeding that is open now. `anyway`: whoever it waits for. */
export async function closeSeeding(context: Context, { anyway = false } = {}): Promise<Seeding | undefined> {
  const numbers = await highestNumbers(context);
  return await context.seeding.change((record) =>
    record?.open && (anyway || isOver(record)) ? closed(record, numbers, clock.now()) : undefined,
  );
}

/** A webserver has nothing more to offer to a seeding; the last one ends it. */
export async function hasOffered(seed: string, webserver: string, context: Context): Promise<void> {
  const record = await context.seeding.change((now) => (now?.id === seed ? offered(now, webserver) : undefined));
  if (isOver(record)) await closeSeeding(context);
}

/** A webserver whose data are of this store is not waited for: there is nothing that it could offer. */
export async function needNotOffer(webserver: string, context: Context): Promise<void> {
  const record = await context.seeding.record();
  if (record?.open && record.webservers[webserver] === false) await hasOffered(record.id, webserver, context);
}

/** Of each collection whose documents get their numbers from the datastore, the highest number that there has been, as the store knows now. */
export async function highestNumbers({ schemas, views, rules }: Context): Promise<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const [collection, schema] of schemas.collections) {
    const { allocates } = schema;
    if (allocates === undefined || rules.get(collection)?.slots) continue;
    const view = await views.of(wholeCollection(collection), { certain: true });
    if (view.held.size > 0) numbers[collection] = highest(schema, allocates, view);
  }
  return numbers;
}
