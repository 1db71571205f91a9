import { useConflicts } from "../live/use-conflicts.ts";
import { ConflictCard } from "../parts/conflict.tsx";
import { Empty, Loading, Page } from "../parts/page.tsx";
import { Refused, Waiting } from "../parts/queue.tsx";

export function Conflicts() {
  const { data, error, again } = useConflicts();
  return (
    <Page
      title="Conflicts"
      about="When two people change the same thing while they can’t see each other, one change counts, and the other is kept here."
      error={error}
      again={again}
    >
      {!data && !error && <Loading />}
      {data?.items.length === 0 && (
        <Empty icon="good">
          <p>No conflicts: nothing of yours was lost to somebody else’s change.</p>
        </Empty>
      )}
      {data?.items.map((copy) => (
        <ConflictCard key={copy.id} copy={copy} again={again} />
      ))}
      <Refused />
      <Waiting />
    </Page>
  );
}
