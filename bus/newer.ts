/** What an older datastore may not have. */
import { FrontsyncError } from "../schemas/errors.ts";
import type { Link } from "./link.ts";

export interface NewerParts {
  link: Pick<Link, "datastoreVersion">;
  /** Checks in now; false: nobody answered. */
  checkIn(): Promise<boolean>;
}

/** Asks a function that an older datastore does not have. Nobody serves it there, while a check-in is answered: then it throws UNKNOWN_CALL,
 *  which says `what` can't be done. Asked twice, since a datastore that is just being started answers neither for a moment. */
export async function askNewer<T>({ link, checkIn }: NewerParts, what: string, ask: () => Promise<T>): Promise<T> {
  const unserved = (error: unknown) => error instanceof FrontsyncError && error.code === "DATASTORE_UNREACHABLE";
  try {
    return await ask();
  } catch (error) {
    if (!unserved(error) || !(await checkIn())) throw error;
  }
  try {
    return await ask();
  } catch (error) {
    if (!unserved(error)) throw error;
    const datastore = `The datastore (frontsync ${link.datastoreVersion})`;
    throw new FrontsyncError("UNKNOWN_CALL", `${datastore} is too old for this: it can't ${what}. Upgrade it.`, { cause: error });
  }
}
