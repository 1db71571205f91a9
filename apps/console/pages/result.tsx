import { useState } from "preact/hooks";
import type { Result, WrittenReply } from "../../../schemas/types.ts";
import { ask, get, part } from "../api/client.ts";
import { go, href } from "../lib/router.ts";
import { bytes, count, counted } from "../lib/text.ts";
import { exactly, lasting } from "../lib/time.ts";
import { status } from "../live/events.ts";
import { useProgress } from "../live/progress.ts";
import { linesOf, useLines } from "../live/result-lines.ts";
import { me, nameOf, users } from "../live/session.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "../parts/badge.tsx";
import { Banner, ErrorBanner } from "../parts/banner.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { OwnerActions } from "../parts/owner-actions.tsx";
import { Empty, Loading, Page, When } from "../parts/page.tsx";
import { owns, SharedWith } from "../parts/sharing.tsx";
import { toast, toastSaved } from "../parts/toast.tsx";
import { StateOf } from "./search.tsx";

export function ResultPage({ id }: { id: string }) {
  const path = `/api/searchctrl/${part(id)}`;
  const { data, error, again } = useLive(
    id,
    (signal) => get<Result>(path, signal),
    (change) => change.collection === "results" && change.id === id,
  );
  const [self, people, here] = [useValue(me), useValue(users), useValue(status)];
  if (!data || error?.code === "NOT_FOUND")
    return (
      <Page title="Result" error={error} again={again}>
        {!error && <Loading />}
      </Page>
    );
  const mine = owns(data, self);
  const keep = async () => {
    const { body } = await ask<WrittenReply>("PATCH", path, { body: { saved: !data.saved } });
    toastSaved(body.revision, data.saved ? "No longer kept" : "Kept");
    again();
  };
  const stop = async () => {
    await ask("POST", `${path}/stop`);
    toast("It is being stopped.");
  };
  return (
    <Page
      title={data.name || data.query}
      about={data.name ? <code>{data.query}</code> : undefined}
      error={error}
      again={again}
      actions={
        <>
          {mine && data.state === "running" && <Button onClick={stop}>Stop</Button>}
          <LinkButton icon="download" href={linesOf(id)} download>
            Download
          </LinkButton>
          {mine && <Button onClick={keep}>{data.saved ? "Don’t keep" : "Keep"}</Button>}
          <LinkButton href={`${href("search")}?${new URLSearchParams({ query: data.query })}`}>Search again</LinkButton>
          <OwnerActions doc={data} path={path} what="this result" readersOnly onShared={again} onDeleted={() => go("search")}>
            The query stays in the history.
          </OwnerActions>
        </>
      }
    >
      <div class="meta">
        <StateOf result={data} />
        <SharedWith doc={data} />
        {data.saved && <Badge>Kept</Badge>}
        <span>
          Held by {data.webserver}
          {here && here.webserver !== data.webserver && `, seen from ${here.webserver}`}
        </span>
        <span>
          <When at={data.createdAt} /> by {nameOf(data.ownerId, people)}
        </span>
        {data.endedAt && data.createdAt && (
          <span>took {lasting(Math.max(0, Date.parse(data.endedAt) - Date.parse(data.createdAt)))}</span>
        )}
      </div>
      {data.fault && (
        <Banner kind="bad" title="The search failed.">
          {data.fault}
        </Banner>
      )}
      {data.truncated && (
        <Banner kind="warn" title="There was more.">
          A result holds only so much: ask for less, or for a shorter time.
        </Banner>
      )}
      <Lines key={id} result={data} />
    </Page>
  );
}

/** So many are shown before somebody asks for more. */
const FIRST = 200;

function Lines({ result: { id, query, state } }: { result: Result }) {
  const progress = useProgress(id, state === "running");
  const [most, setMost] = useState(FIRST);
  const { lines, ended, error, again } = useLines(id, state === "running", progress?.lines ?? 0, most);
  const words = wordsOf(query);
  const shown = lines.slice(0, most);
  return (
    <section class="stack" aria-label="Lines">
      {state === "running" && progress && (
        <div class="stack tight" role="status">
          <progress max={Math.max(1, progress.total)} value={progress.scanned} aria-label="How far the search is" />
          <p class="small quiet numbers">
            {counted(progress.lines, "line")} so far; {bytes(progress.scanned)} of {bytes(progress.total)} read
          </p>
        </div>
      )}
      <ErrorBanner error={error} again={again} />
      {ended && lines.length === 0 && !error && (
        <Empty icon="search">
          <p>No line fits this query.</p>
        </Empty>
      )}
      {shown.length > 0 && (
        <ol class="card lines" aria-label={`${count(shown.length)} lines`}>
          {shown.map((line, n) => (
            <li key={n}>
              {line.time ? <time dateTime={line.time}>{exactly(line.time)}</time> : <span class="source">no time</span>}
              <span class="source">{line.source}</span>
              <span class="text">
                <Marked text={line.text} words={words} />
              </span>
            </li>
          ))}
        </ol>
      )}
      {(lines.length > most || (ended && lines.length === most)) && (
        <div class="actions">
          <Button onClick={() => setMost(most + 5 * FIRST)}>Show more lines</Button>
        </div>
      )}
    </section>
  );
}

/** What is looked for as text: not fields, and not what must not be there. */
function wordsOf(query: string): string[] {
  const terms = query.match(/-?(?:[A-Za-z_@][\w.@-]*=)?(?:"(?:[^"\\]|\\.)*"|[^\s"]\S*)/g) ?? [];
  return terms
    .filter((term) => !term.startsWith("-"))
    .map((term) => term.replace(/^([A-Za-z_@][\w.@-]*)=/, "$1=").replaceAll('"', ""))
    .filter((term) => term.length > 1 && !term.includes("*"))
    .slice(0, 10);
}

const MARKED_CHARS = 4000;

function Marked({ text, words }: { text: string; words: readonly string[] }) {
  if (words.length === 0 || text.length > MARKED_CHARS) return <>{text}</>;
  const wanted = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  return <>{text.split(wanted).map((piece, n) => (n % 2 === 1 ? <mark key={n}>{piece}</mark> : piece))}</>;
}
