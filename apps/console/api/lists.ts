/** Lists: page after page. */
import { get } from "./client.ts";

export interface Page<T> {
  items: T[];
  next?: string;
}

/** Of one answer: documents may be large. */
const PAGE = 100;

/** Items up to about `most`, and whether there are more. */
export async function list<T>(
  path: string,
  { sort, most = PAGE, signal }: { sort?: string; most?: number; signal?: AbortSignal } = {},
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, most)), ...(sort && { sort }), ...(after && { after }) });
    const page = await get<Page<T>>(`${path}?${query}`, signal);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined && items.length < most);
  return { items, more: after !== undefined };
}
