/** A list on a page: while it is read, when there is nothing, row by row, and how to read on. */
import type { ComponentChildren } from "preact";
import { counted } from "../lib/text.ts";
import type { Listed } from "../live/use-list.ts";
import { Button } from "./button.tsx";
import type { IconName } from "./icon.tsx";
import { Empty, Loading } from "./page.tsx";

export function Rows<T>({
  list: { data, error, readMore },
  found = data?.items ?? [],
  icon,
  noun,
  none,
  children,
}: {
  list: Listed<T>;
  /** Those that are shown; default: all that were read. */
  found?: readonly T[] | undefined;
  icon: IconName;
  /** What one is called, and several. */
  noun: readonly [one: string, several?: string];
  /** What is said when there are none. */
  none: string;
  /** The row of one: a `li` with its key. */
  children: (item: T) => ComponentChildren;
}) {
  if (!data) return error ? null : <Loading />;
  return (
    <>
      {found.length === 0 ? (
        <Empty icon={icon}>
          <p>{data.items.length === 0 ? none : `No ${noun[0]} fits. Try another word.`}</p>
        </Empty>
      ) : (
        <ul class="card rows" aria-label={counted(found.length, ...noun)}>
          {found.map((item) => children(item))}
        </ul>
      )}
      {data.more && (
        <div class="actions">
          <Button onClick={readMore}>Read more</Button>
        </div>
      )}
    </>
  );
}
