import { useEffect, useState } from "preact/hooks";
import type { StatusReply } from "../../../schemas/types.ts";
import { get } from "../api/client.ts";
import { count, counted } from "../lib/text.ts";
import { lasting } from "../lib/time.ts";
import { metrics, status } from "../live/events.ts";
import { me } from "../live/session.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Badge, type Tone } from "../parts/badge.tsx";
import { Banner } from "../parts/banner.tsx";
import { Chart } from "../parts/chart.tsx";
import { stateLook, useStateName } from "../parts/notices.tsx";
import { Page } from "../parts/page.tsx";

type Peer = NonNullable<StatusReply["peers"]>[number];

const EACH_MS = 1000;

export function StatusPage() {
  const admin = useValue(me)?.admin === true;
  const state = useStateName();
  const now = useValue(status);
  const { tone } = stateLook(state);
  return (
    <Page title="Status" about={now && `You are at ${now.webserver}.`}>
      <section class="card padded stack tight" aria-label="This webserver">
        <div>
          <Badge tone={tone}>{stateLook(state).name}</Badge>
        </div>
        <p>{state === "offline" ? stateLook(state).words : now?.words}</p>
      </section>
      {admin && <Figures />}
    </Page>
  );
}

function Figures() {
  const { data, again } = useLive(
    "status",
    (signal) => get<StatusReply>("/api/status", signal),
    () => false,
  );
  useEffect(() => {
    const timer = window.setInterval(() => document.visibilityState === "visible" && again(), EACH_MS);
    return () => window.clearInterval(timer);
  }, [again]);
  if (!data) return null;
  const { warnings = [], peers = [], counters = {} } = data;
  return (
    <>
      <Webservers self={data} peers={peers} />
      <Charts />
      {warnings.map(({ code, message }) => (
        <Banner key={code} kind="warn" title={code}>
          {message}
        </Banner>
      ))}
      <section class="card" aria-label="Figures of this webserver">
        <header>
          <h2>{data.webserver}</h2>
          {data.version && <span class="quiet small">frontsync {data.version}</span>}
        </header>
        <div class="card-body">
          <dl class="facts">
            <Fact name="Waiting to be sent" value={data.pending} />
            <Fact name="Refused later" value={data.deadLetters} />
            <Fact name="Conflicts, of everybody" value={data.conflicts} />
            {Object.entries(counters).map(([name, value]) => (
              <Fact key={name} name={COUNTERS[name] ?? name} value={value} />
            ))}
            <Fact name="Cursor: it holds everything up to" value={data.cursor} long />
            <Fact name="Head: the datastore’s last revision" value={data.head ?? undefined} long />
            <Fact name="Generation of the datastore" value={data.generation ?? "no contact yet"} long />
          </dl>
        </div>
      </section>
    </>
  );
}

const COUNTERS: Record<string, string> = {
  checkIns: "Check-ins",
  gaps: "Gaps noticed",
  catchUps: "Catch-ups",
  resyncs: "Resyncs",
  dropped: "Messages dropped",
  drifts: "Differences found",
  rebuilds: "Times made anew",
  repaired: "Rows put right",
};

function Fact({ name, value, long }: { name: string; value: number | string | undefined; long?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={long ? "long mono" : undefined}>{typeof value === "number" && !long ? count(value) : (value ?? "not known")}</dd>
    </div>
  );
}

function Webservers({ self, peers }: { self: StatusReply; peers: Peer[] }) {
  const behind = self.head != null && self.cursor !== undefined ? Math.max(0, self.head - self.cursor) : undefined;
  const { cursor = 0, externalAddr = "", version = "" } = self;
  const own: Peer = { ...self, cursor, externalAddr, version, heartbeatAgeMs: 0, lag: behind };
  const all = [own, ...peers.filter(({ webserver }) => webserver !== self.webserver)];
  return (
    <section class="card" aria-label="Webservers">
      <header>
        <h2>{counted(all.length, "webserver")}</h2>
      </header>
      <div class="scroll">
        <table class="responsive">
          <thead>
            <tr>
              {["Webserver", "State", "Behind", "Heartbeat", "Waiting", "Refused", "Conflicts", "Cursor"].map((name, n) => (
                <th key={name} scope="col" class={n > 1 ? "number" : ""}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all
              .sort((a, b) => a.webserver.localeCompare(b.webserver))
              .map((peer) => (
                <Row key={peer.webserver} peer={peer} own={peer === own} />
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ peer, own }: { peer: Peer; own: boolean }) {
  const look = stateLook(peer.state);
  const tone: Tone = look.tone;
  return (
    <tr>
      <th scope="row" class="whole">
        <strong>{peer.webserver}</strong> {own && <Badge>here</Badge>} {peer.draining && <Badge tone="warn">stopping</Badge>}
        <div class="small quiet">{peer.externalAddr}</div>
      </th>
      <td class="whole">
        <Badge tone={tone}>{look.name}</Badge>
      </td>
      <Figure label="Behind" value={peer.lag} />
      <td class="number" data-label="Heartbeat">
        {own ? "–" : lasting(peer.heartbeatAgeMs)}
      </td>
      <Figure label="Waiting" value={peer.pending} />
      <Figure label="Refused" value={peer.deadLetters} />
      <Figure label="Conflicts" value={peer.conflicts} />
      <td class="number mono small" data-label="Cursor">
        {peer.cursor}
      </td>
    </tr>
  );
}

const Figure = ({ label, value }: { label: string; value: number | undefined }) => (
  <td class="number" data-label={label}>
    {value === undefined ? "?" : count(value)}
  </td>
);

function Charts() {
  const points = useValue(metrics);
  const [paused, setPaused] = useState<typeof points>();
  const shown = paused ?? points;
  const last = shown.at(-1);
  const seconds = shown.map(({ at }) => Date.parse(at) / 1000);
  const rate = last?.mutationsPerSecond ?? 0;
  const seen = shown.filter(({ propagationMs }) => propagationMs.p50 !== null).at(-1)?.propagationMs;
  const ms = (value: number | null | undefined) => (value === null || value === undefined ? "–" : lasting(value));
  return (
    <div class="columns" onPointerEnter={() => setPaused(points)} onPointerLeave={() => setPaused(undefined)}>
      <figure class="card chart">
        <figcaption>
          <h2>Changes per second</h2>
          <p class="now">{rate < 10 ? rate.toFixed(1) : count(Math.round(rate))}</p>
        </figcaption>
        <Chart
          label={`Changes per second in the last two minutes; now ${rate.toFixed(1)}`}
          seconds={seconds}
          unit=""
          series={[{ name: "Changes", values: shown.map(({ mutationsPerSecond }) => mutationsPerSecond), color: "--accent" }]}
        />
      </figure>
      <figure class="card chart">
        <figcaption>
          <h2>From the commit until it is here</h2>
          <p>
            <span class="now">{ms(seen?.p50)}</span>{" "}
            <span class="quiet small">
              <span class="key" /> half of them; <span class="key second" /> 99 %: {ms(seen?.p99)}
            </span>
          </p>
        </figcaption>
        <Chart
          label={`How long changes take to this webserver, in the last two minutes; half of them ${ms(seen?.p50)}, 99 % ${ms(seen?.p99)}`}
          seconds={seconds}
          unit=" ms"
          series={[
            { name: "p50", values: shown.map(({ propagationMs }) => propagationMs.p50), color: "--accent" },
            { name: "p99", values: shown.map(({ propagationMs }) => propagationMs.p99), color: "--warn" },
          ]}
        />
      </figure>
    </div>
  );
}
