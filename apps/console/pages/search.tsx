import { useEffect, useState } from "preact/hooks";
import type { Preference, Result, WrittenReply } from "../../../schemas/types.ts";
import { ask, get } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { asApiError, words } from "../lib/errors.ts";
import { go, href } from "../lib/router.ts";
import { bytes, counted } from "../lib/text.ts";
import { now } from "../lib/time.ts";
import { PREFS, type Prefs } from "../live/prefs.ts";
import { me, nameOf, users } from "../live/session.ts";
import { of, useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Badge, type Tone } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { Check, Text } from "../parts/field.tsx";
import { Empty, Loading, Page, When } from "../parts/page.tsx";
import { SharedWith } from "../parts/sharing.tsx";

const HOUR_MS = 3_600_000;
const RESULTS = 100;

export function Search({ first }: { first: string }) {
  const [query, setQuery] = useState(first);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [background, setBackground] = useState(false);
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    void get<Preference>(`/api/preferences/${PREFS}`).then(
      ({ data }) => setFrom((typed) => typed || asLocal(Number((data as Prefs | undefined)?.searchHours ?? 0))),
      () => {},
    );
  }, []);
  const run = async () => {
    setFault(undefined);
    try {
      const body = {
        query,
        ...(from && { from: asTime(from) }),
        ...(to && { to: asTime(to) }),
        ...(background && { background }),
      };
      go("search", (await ask<WrittenReply>("POST", "/api/searchctrl", { body })).body.id);
    } catch (error) {
      setFault(words(asApiError(error)));
    }
  };
  return (
    <Page title="Search" about="Searches the logs of the webserver that you are on. Its result can be opened from every one.">
      <form class="card padded stack" onSubmit={(event) => event.preventDefault()}>
        <Text
          label="Query"
          code
          value={query}
          onInput={setQuery}
          required
          fault={fault}
          hint={
            <>
              Words, <code>"a phrase"</code>, <code>field=value</code> with <code>*</code>, and <code>-</code> before what must
              not be there.
            </>
          }
        />
        <div class="finder">
          <Text class="narrow" label="From" type="datetime-local" value={from} onInput={setFrom} />
          <Text class="narrow" label="Until" type="datetime-local" value={to} onInput={setTo} />
        </div>
        <div class="actions">
          <Button type="submit" look="primary" icon="search" disabled={query.trim() === ""} onClick={run}>
            Search
          </Button>
          <Check label="Go on when nobody looks at it" checked={background} onChange={setBackground} />
        </div>
      </form>
      <Results />
    </Page>
  );
}

function Results() {
  const people = useValue(users);
  const self = useValue(me);
  const { data, error } = useLive(
    "results",
    (signal) => list<Result>("/api/searchctrl", { most: RESULTS, signal }),
    of("results"),
  );
  if (!data) return error ? <p class="quiet">The results can’t be read now.</p> : <Loading />;
  if (data.items.length === 0)
    return (
      <Empty icon="search">
        <p>No results yet.</p>
      </Empty>
    );
  return (
    <section class="card" aria-label="Results">
      <header>
        <h2>Results</h2>
      </header>
      <ul class="rows">
        {data.items.map((result) => (
          <li key={result.id}>
            <div class="what">
              <a class="mono" href={href("search", result.id)}>
                {result.name || result.query}
              </a>
              <p class="meta">
                <span>
                  <When at={result.createdAt} />
                  {result.ownerId !== self?.uid && ` by ${nameOf(result.ownerId, people)}`}
                </span>
                <span>on {result.webserver}</span>
                {result.lines !== undefined && (
                  <span>
                    {counted(result.lines, "line")}, {bytes(result.bytes ?? 0)}
                  </span>
                )}
                {result.saved && <Badge>Kept</Badge>}
                <SharedWith doc={result} />
              </p>
            </div>
            <StateOf result={result} />
          </li>
        ))}
      </ul>
    </section>
  );
}

const STATES: Record<Result["state"], readonly [text: string, tone: Tone]> = {
  running: ["Running", "accent"],
  done: ["Done", "good"],
  stopped: ["Stopped", ""],
  failed: ["Failed", "bad"],
};

export function StateOf({ result: { state } }: { result: Pick<Result, "state"> }) {
  const [text, tone] = STATES[state];
  return <Badge tone={tone}>{text}</Badge>;
}

const asTime = (local: string) => new Date(local).toISOString();

/** So many hours ago, as the browser's field has it; 0: none. */
function asLocal(hours: number): string {
  if (!(hours > 0)) return "";
  const at = now() - hours * HOUR_MS;
  const offset = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offset).toISOString().slice(0, 16);
}
